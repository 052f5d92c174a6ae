"""wav2vec 2.0 features against transformers' own forward pass, with tiny random weights."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from lt_bench.errors import AssetError
from lt_bench.perception.speech import build_speech_encoder
from lt_bench.perception.speech.wav2vec2 import Wav2Vec2Encoder


def save_tiny(folder: Path, **changes) -> Path:
    torch.manual_seed(0)
    settings = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "conv_dim": (16, 16),
        "conv_kernel": (10, 8),
        "conv_stride": (40, 8),
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "num_feat_extract_layers": 2,
    } | changes
    Wav2Vec2Model(Wav2Vec2Config(**settings)).save_pretrained(folder)
    return folder


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_all_hidden_layers_at_the_rate_of_the_video(tmp_path: Path) -> None:
    encoder = build_speech_encoder(f"wav2vec2:{save_tiny(tmp_path)}")
    assert (encoder.name, encoder.layers, encoder.dim) == ("wav2vec2", 3, 32)
    features = encoder.encode(noise(16000), 25)
    assert features.shape == (25, 3, 32)
    assert features.dtype == np.float32
    assert encoder.encode(noise(640), 1).shape == (1, 3, 32)


def test_without_interpolation_it_is_transformers_forward_pass(tmp_path: Path) -> None:
    # One convolution as long as a frame: its steps are the frames, so nothing is interpolated.
    save_tiny(tmp_path, conv_dim=(16,), conv_kernel=(640,), conv_stride=(640,), num_feat_extract_layers=1)
    sound = noise(20 * 640)
    standard = torch.from_numpy((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7))
    with torch.no_grad():
        model = Wav2Vec2Model.from_pretrained(tmp_path).eval()
        hidden = model(standard[None], output_hidden_states=True).hidden_states
    expected = torch.cat(hidden[1:]).transpose(0, 1).numpy()  # without the embedding
    np.testing.assert_allclose(Wav2Vec2Encoder(str(tmp_path)).encode(sound, 20), expected, atol=1e-5)


def test_interpolation_is_before_the_transformer(tmp_path: Path) -> None:
    encoder = Wav2Vec2Encoder(str(save_tiny(tmp_path)))
    seen = []
    hook = encoder._model.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    encoder.encode(noise(16000), 25)
    hook.remove()
    assert seen == [(1, 25, 32)]


def test_loudness_does_not_matter_where_the_preprocessor_normalises(tmp_path: Path) -> None:
    encoder = Wav2Vec2Encoder(str(save_tiny(tmp_path)))
    sound = noise(16000)
    np.testing.assert_allclose(encoder.encode(sound, 25), encoder.encode(0.2 * sound, 25), atol=1e-3)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    plain = Wav2Vec2Encoder(str(tmp_path))
    assert np.abs(plain.encode(sound, 25) - encoder.encode(sound, 25)).max() > 1e-3
    assert plain.hash != encoder.hash


def test_the_hash_follows_the_weights_and_survives_pickling(tmp_path: Path) -> None:
    first = Wav2Vec2Encoder(str(save_tiny(tmp_path / "a")))
    other = Wav2Vec2Encoder(str(save_tiny(tmp_path / "b", hidden_size=48)))
    assert first.hash == Wav2Vec2Encoder(str(save_tiny(tmp_path / "c"))).hash != other.hash
    first.encode(noise(6400), 10)
    assert pickle.loads(pickle.dumps(first)).hash == first.hash


@pytest.mark.parametrize("spec", ["no/such/folder", "./absent", "file.txt"])
def test_an_absent_folder_is_one_line(spec: str) -> None:
    with pytest.raises(AssetError, match="speech_encoder wav2vec2: expected a local folder or a hub id") as caught:
        build_speech_encoder(f"wav2vec2:{spec}").encode(noise(640), 1)
    assert "\n" not in str(caught.value)


def test_a_hub_id_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_args, **_kwargs):
        raise OSError("no connection\nlong explanation")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(
        AssetError, match=r"owner/name is no local folder, and the hub could not give it: no connection$"
    ):
        build_speech_encoder("wav2vec2:owner/name").encode(noise(640), 1)


def test_a_folder_with_missing_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = save_tiny(tmp_path) / "model.safetensors"
    weights = {k: v for k, v in load_file(file).items() if "layers.1.attention.q_proj.weight" not in k}
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(AssetError, match=r"expected all weights in .*got none for .*q_proj"):
        Wav2Vec2Encoder(str(tmp_path)).encode(noise(640), 1)


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    config = save_tiny(tmp_path) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "hubert"}))
    with pytest.raises(AssetError, match="to hold wav2vec2, got 'hubert'"):
        Wav2Vec2Encoder(str(tmp_path)).encode(noise(640), 1)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (save_tiny(tmp_path) / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(AssetError, match="expected a model that loads from"):
        Wav2Vec2Encoder(str(tmp_path)).encode(noise(640), 1)
