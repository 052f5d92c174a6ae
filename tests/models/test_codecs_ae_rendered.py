"""The embedded learned codec: recorded fidelity on held-out speakers, determinism, and refusals."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from data_prep.pipeline import prepare
from data_prep.synthetic.clip import make_clip
from data_prep.synthetic.dataset import speaker_seed
from lt_bench.config import DataConfig
from lt_bench.errors import AssetError, ConfigError
from lt_bench.models.codecs import ae_rendered, build_codec, frames_to_tensor, tensor_to_frames
from lt_bench.models.codecs.ae_rendered import RenderedFacesCodec, codec_weights

NAME = RenderedFacesCodec.name
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "codec"
RECORDED = json.loads((EXPERIMENT / f"{NAME}.json").read_text())


@pytest.fixture(scope="module")
def report() -> ModuleType:
    """The script that measured the recorded figures."""
    sys.path.insert(0, str(EXPERIMENT))
    try:
        spec = importlib.util.spec_from_file_location("codec_report", EXPERIMENT / "report.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXPERIMENT))
    return module


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    clip = make_clip(speaker_seed("codec_test", 5000), 0, frames=20, size=128, motion=0.4)
    return clip.frames


def test_shapes_and_names() -> None:
    codec = build_codec(NAME)
    raw = codec.encode(torch.zeros(2, 3, 128, 64))
    assert codec.name == NAME
    assert raw.shape == (2, codec.channels, 128 // codec.factor, 64 // codec.factor)
    assert codec.decode(raw).shape == (2, 3, 128, 64)
    assert set(codec.scaling.std) == {1.0}


@pytest.mark.parametrize("size", [64, 128, 256])
def test_fidelity_on_held_out_speakers_is_the_recorded_one(report: ModuleType, size: int, tmp_path: Path) -> None:
    found = report.quick_figures(build_codec(NAME)._network, size, tmp_path)  # type: ignore[attr-defined]
    recorded = RECORDED["quick"][str(size)]
    assert found.keys() == recorded.keys()
    for key, value in recorded.items():
        assert found[key] == pytest.approx(value, abs=0.1), key


def test_recorded_figures_reach_the_targets() -> None:
    assert RECORDED["weights_sha256"] == ae_rendered.WEIGHTS_SHA256
    assert RECORDED["weights_bytes"] <= 6_000_000
    fidelity, probe = RECORDED["held_out"]["psnr_db"]["128"], RECORDED["held_out"]["probe"]
    assert fidelity["clean"] >= 31
    assert fidelity["noise_0.5"] >= 28.5
    assert probe["opening_share"] >= 0.98
    assert probe["width_share"] >= 0.90
    assert probe["rounding_share"] >= 0.95
    assert probe["identity_cosine"] >= 0.97
    assert RECORDED["held_out"]["still_clip_flicker_ratio"] <= 1


def test_bit_identical_again_and_equal_within_rounding_in_other_batches(frames: np.ndarray) -> None:
    codec, given = build_codec(NAME), frames_to_tensor(frames)
    first = codec.encode(given)
    assert torch.equal(first, build_codec(NAME).encode(given))
    assert torch.equal(codec.decode(first), codec.decode(first))
    alone = torch.cat([codec.encode(frame[None]) for frame in given])
    torch.testing.assert_close(alone, first, rtol=0, atol=1e-4)


def test_latents_have_about_unit_variance(frames: np.ndarray) -> None:
    raw = build_codec(NAME).encode(frames_to_tensor(frames))
    assert 0.7 < float(raw.std()) < 1.3
    assert abs(float(raw.mean())) < 0.3


def test_gradients_pass_through_the_decoder() -> None:
    codec = build_codec(NAME)
    raw = torch.randn(1, codec.channels, 4, 4, requires_grad=True)
    codec.decode(raw).square().mean().backward()
    assert raw.grad is not None
    assert float(raw.grad.abs().sum()) > 0


def test_a_still_clip_stays_still(frames: np.ndarray) -> None:
    codec = build_codec(NAME)
    still = frames_to_tensor(np.repeat(frames[:1], 16, axis=0))
    decoded = tensor_to_frames(codec.decode(codec.encode(still)))
    assert (decoded == decoded[0]).all()


def test_can_be_sent_to_workers() -> None:
    codec = build_codec(NAME)
    codec.encode(torch.zeros(1, 3, 64, 64))
    assert pickle.loads(pickle.dumps(build_codec(NAME))).hash == codec.hash


def test_other_weights_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ae_rendered, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(AssetError, match=r"expected sha256 0000.*install the package again") as raised:
        codec_weights()
    assert "\n" not in str(raised.value)


def test_a_resolution_that_does_not_fit_is_refused() -> None:
    factor = build_codec(NAME).factor
    with pytest.raises(ConfigError, match=f"resolution: expected sides that are multiples of {factor}, got 72x72"):
        build_codec(NAME).encode(torch.zeros(1, 3, 72, 72))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "folder", "codec": NAME}, f"codec: expected one for real faces .* got {NAME}"),
        ({"resolution": 72}, r"resolution: expected an even multiple of \d+ .* got 72"),
    ],
)
def test_preparation_refuses_what_the_codec_is_not_for(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mp4").write_bytes(b"")
    config = DataConfig(cache=str(tmp_path / "c"), folder=str(tmp_path / "films"), **changes)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        prepare(config, workers=1)


def test_each_data_set_has_its_default_codec() -> None:
    chosen = {name: DataConfig(dataset=name).codec for name in ("synthetic", "grid-sample", "hdtf")}  # type: ignore[arg-type]
    assert chosen == {"synthetic": NAME, "grid-sample": "taef2", "hdtf": "dct"}
