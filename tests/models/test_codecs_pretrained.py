"""diffusers' autoencoders as codecs, with tiny random weights: the same numbers as diffusers' own."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderDC, AutoencoderKL

from lt_bench.errors import AssetError, ConfigError
from lt_bench.models.codecs import build_codec
from lt_bench.models.codecs.diffusers_autoencoders import PretrainedCodec


def save_kl(folder: Path, **changes) -> AutoencoderKL:
    torch.manual_seed(0)
    settings = {
        "down_block_types": ("DownEncoderBlock2D",) * 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3,
        "block_out_channels": (8, 8, 16),
        "norm_num_groups": 4,
        "latent_channels": 4,
    }
    network = AutoencoderKL(**(settings | changes)).eval()
    network.save_pretrained(folder)
    return network


def save_dc(folder: Path) -> AutoencoderDC:
    torch.manual_seed(0)
    network = AutoencoderDC(
        latent_channels=8,
        attention_head_dim=4,
        encoder_block_out_channels=(8, 8, 16),
        decoder_block_out_channels=(8, 8, 16),
        encoder_layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        encoder_qkv_multiscales=((), (), ()),
        decoder_qkv_multiscales=((), (), ()),
        scaling_factor=0.41407,
    ).eval()
    network.save_pretrained(folder)
    return network


def test_kl_is_diffusers_autoencoder_at_the_mode_of_its_posterior(tmp_path: Path) -> None:
    network = save_kl(tmp_path)
    codec = build_codec(f"kl:{tmp_path}")
    assert (codec.name, codec.channels, codec.factor) == ("kl", 4, 4)
    frames = torch.rand(6, 3, 16, 24) * 2 - 1
    with torch.no_grad():
        posterior = network.encode(frames).latent_dist
        expected = network.decode(posterior.mean).sample
    raw = codec.encode(frames)
    assert raw.shape == (6, 4, 4, 6)
    torch.testing.assert_close(raw, posterior.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(codec.decode(raw), expected, atol=1e-5, rtol=1e-4)


def test_kl_scales_as_stable_diffusion_does(tmp_path: Path) -> None:
    save_kl(tmp_path)
    raw = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(build_codec(f"kl:{tmp_path}").scaling.raw_to_latents(raw), raw * 0.18215)


def test_kl_scales_with_a_shift_as_flux_does(tmp_path: Path) -> None:
    save_kl(tmp_path, scaling_factor=0.3611, shift_factor=0.1159)
    raw = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(build_codec(f"kl:{tmp_path}").scaling.raw_to_latents(raw), (raw - 0.1159) * 0.3611)


def test_dc_is_diffusers_autoencoder(tmp_path: Path) -> None:
    network = save_dc(tmp_path)
    codec = build_codec(f"dc:{tmp_path}")
    assert (codec.name, codec.channels, codec.factor) == ("dc", 8, network.spatial_compression_ratio)
    frames = torch.rand(5, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        expected = network.encode(frames).latent
        decoded = network.decode(expected).sample
    torch.testing.assert_close(codec.encode(frames), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(codec.decode(expected), decoded, atol=1e-5, rtol=1e-4)
    assert expected.shape[-1] == 16 // codec.factor
    torch.testing.assert_close(codec.scaling.raw_to_latents(expected), expected * 0.41407)


def test_gradients_reach_the_latents_but_not_the_weights(tmp_path: Path) -> None:
    save_kl(tmp_path)
    codec = build_codec(f"kl:{tmp_path}")
    raw = torch.randn(1, 4, 2, 2, requires_grad=True)
    codec.decode(raw).sum().backward()
    assert raw.grad is not None
    assert raw.grad.abs().sum() > 0
    assert not codec.encode(torch.zeros(1, 3, 8, 8)).requires_grad


def test_the_hash_follows_the_weights_and_survives_pickling(tmp_path: Path) -> None:
    save_kl(tmp_path / "a")
    save_kl(tmp_path / "b", latent_channels=5)
    first, other = (build_codec(f"kl:{tmp_path / name}") for name in "ab")
    assert first.hash != other.hash
    first.encode(torch.zeros(1, 3, 8, 8))
    assert pickle.loads(pickle.dumps(first)).hash == first.hash


@pytest.mark.parametrize("kind", ["kl", "dc"])
def test_an_absent_folder_is_one_line(kind: str) -> None:
    with pytest.raises(
        AssetError, match=f"codec {kind}: expected a local folder or a hub id owner/name, got"
    ) as caught:
        build_codec(f"{kind}:/no/such/folder").encode(torch.zeros(1, 3, 32, 32))
    assert "\n" not in str(caught.value)


def test_an_empty_folder_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"expected config\.json in"):
        _ = build_codec(f"kl:{tmp_path}").channels
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AssetError, match=r"expected \.safetensors weights in"):
        _ = build_codec(f"kl:{tmp_path}").channels


def test_a_folder_of_another_network_is_refused(tmp_path: Path) -> None:
    save_dc(tmp_path)
    with pytest.raises(AssetError, match=r"codec kl: expected .* to hold AutoencoderKL, got 'AutoencoderDC'"):
        _ = build_codec(f"kl:{tmp_path}").factor


def test_missing_and_damaged_weights_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_kl(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if k != "encoder.conv_in.weight"}, file, {"format": "pt"})
    with pytest.raises(AssetError, match=r"expected all weights in .* got none for encoder\.conv_in\.weight"):
        build_codec(f"kl:{tmp_path}").encode(torch.zeros(1, 3, 8, 8))
    file.write_bytes(b"damaged")
    with pytest.raises(AssetError, match="expected a model that loads from") as caught:
        build_codec(f"kl:{tmp_path}").encode(torch.zeros(1, 3, 8, 8))
    assert "\n" not in str(caught.value)


def test_a_damaged_configuration_is_refused(tmp_path: Path) -> None:
    save_kl(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"down_block_types": ["NoSuchBlock"]}))
    with pytest.raises(AssetError, match="expected a configuration of AutoencoderKL"):
        _ = build_codec(f"kl:{tmp_path}").channels


def test_sides_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_kl(tmp_path)
    with pytest.raises(ConfigError, match="multiples of 4, got 10x8"):
        build_codec(f"kl:{tmp_path}").encode(torch.zeros(1, 3, 8, 10))


def test_large_frames_are_tiled_as_diffusers_tiles_them_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretrainedCodec, "tile", 32)
    networks = {"kl": save_kl(tmp_path / "kl"), "dc": save_dc(tmp_path / "dc")}
    networks["kl"].enable_tiling()
    networks["kl"].tile_sample_min_size, networks["kl"].tile_latent_min_size = 32, 8
    networks["dc"].enable_tiling(32, 32, 28, 28)
    small, large = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 48, 80) * 2 - 1
    for kind, network in networks.items():
        codec = build_codec(f"{kind}:{tmp_path / kind}")
        raw = codec.encode(large)
        assert raw.shape == (2, codec.channels, 48 // codec.factor, 80 // codec.factor)
        with torch.no_grad():
            encoded = network.encode(large)
            expected = encoded.latent_dist.mode() if kind == "kl" else encoded.latent
            torch.testing.assert_close(raw, expected, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(codec.decode(raw), network.decode(raw).sample, atol=1e-5, rtol=1e-4)
            network.disable_tiling()
            whole = network.encode(small)
            expected = whole.latent_dist.mode() if kind == "kl" else whole.latent
        torch.testing.assert_close(codec.encode(small), expected, atol=1e-5, rtol=1e-4)
        assert codec.decode(raw).shape == large.shape


@pytest.mark.parametrize("kind", ["kl", "dc"])
def test_bfloat16_is_another_codec_close_to_the_first(tmp_path: Path, kind: str) -> None:
    save_kl(tmp_path) if kind == "kl" else save_dc(tmp_path)
    exact, half = build_codec(f"{kind}:{tmp_path}"), build_codec(f"{kind}:{tmp_path}@bf16")
    frames = torch.rand(5, 3, 16, 16) * 2 - 1
    raw, rounded = exact.encode(frames), half.encode(frames)
    assert rounded.dtype == half.decode(rounded).dtype == torch.float32
    assert half.hash != exact.hash
    assert 0 < float((raw - rounded).norm() / raw.norm()) < 0.05


@pytest.mark.parametrize("kind", ["kl", "dc"])
def test_a_batch_is_encoded_as_its_frames_are(tmp_path: Path, kind: str) -> None:
    save_kl(tmp_path) if kind == "kl" else save_dc(tmp_path)
    codec = build_codec(f"{kind}:{tmp_path}")
    frames = torch.rand(6, 3, 16, 16) * 2 - 1
    raw = codec.encode(frames)
    for index in (0, 3, 5):
        torch.testing.assert_close(raw[index], codec.encode(frames[index : index + 1])[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            codec.decode(raw)[index], codec.decode(raw[index : index + 1])[0], atol=1e-5, rtol=1e-4
        )
