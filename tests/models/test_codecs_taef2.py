"""TAEF2: every weight is used, and real faces survive it."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lt_bench.errors import AssetError, ConfigError
from lt_bench.media.video import read_frames
from lt_bench.models.codecs import build_codec, frames_to_tensor, tensor_to_frames
from lt_bench.models.codecs.taef2 import (
    Block,
    Taef2Codec,
    UpsamplingConv,
    build_decoder,
    build_encoder,
    load_network,
)


def real_frames(mirror: Path, count: int) -> np.ndarray:
    """A frame of each of the first real clips: the central square at 128 px."""
    paths = sorted((mirror / "grid-sample").glob("*.mpg"))[:count]
    frames = [read_frames(path, max_frames=1)[0] for path in paths]
    return np.stack([cv2.resize(f[:, 36:-36], (128, 128), interpolation=cv2.INTER_AREA) for f in frames])


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float((10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean((1, 2, 3)))).mean())


def save(network: torch.nn.Module, path: Path, drop: str = "nothing") -> Path:
    torch.save({k: v.half() for k, v in network.state_dict().items() if drop not in k}, path)
    return path


def test_real_faces_at_128_pixels_keep_31_decibels(mirror: Path) -> None:
    codec = build_codec("taef2")
    frames = real_frames(mirror, 11)
    raw = codec.encode(frames_to_tensor(frames))
    assert raw.shape == (11, 32, 16, 16)
    assert psnr(frames, tensor_to_frames(codec.decode(raw))) >= 31
    latents = codec.scaling.raw_to_latents(raw)
    assert latents.mean().abs() < 0.2
    assert latents.std() == pytest.approx(1, abs=0.2)


def test_without_the_pooled_branch_the_picture_is_lost(mirror: Path) -> None:
    codec, frames = Taef2Codec(), real_frames(mirror, 2)
    for network in (codec._encoder, codec._decoder):
        for block in network:
            if isinstance(block, Block):
                block.pool = None
    decoded = tensor_to_frames(codec.decode(codec.encode(frames_to_tensor(frames))))
    assert psnr(frames, decoded) < 20


@pytest.mark.parametrize("build", [build_encoder, build_decoder])
def test_weights_without_the_pooled_branch_are_refused(build, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"expected exactly the weights of TAEF2.*pool") as caught:
        load_network(build(), save(build(), tmp_path / "w.pth", drop="pool"))
    assert "\n" not in str(caught.value)


def test_weights_load_strictly_and_frozen(tmp_path: Path) -> None:
    network = load_network(build_encoder(), save(build_encoder(), tmp_path / "w.pth"))
    assert not any(p.requires_grad for p in network.parameters())
    assert all(p.dtype == torch.float32 for p in network.parameters())


def test_the_pixel_range_and_batching_of_both_ways() -> None:
    codec = Taef2Codec()
    codec.__dict__["_encoder"] = torch.nn.AvgPool2d(8)  # what the network is given, an eighth the side
    codec.__dict__["_decoder"] = torch.nn.Upsample(scale_factor=8)
    frames = (torch.arange(20.0).view(20, 1, 1, 1) / 10 - 1).expand(20, 3, 16, 8)
    inside = codec.encode(frames)
    torch.testing.assert_close(inside[:, 0, 0, 0], torch.arange(20.0) / 20)
    torch.testing.assert_close(codec.decode(inside[:, :1].expand(20, 32, 2, 1))[:, :3], frames)


def test_the_upsampling_convolution_is_both_steps_in_one() -> None:
    torch.manual_seed(0)
    layer, x = UpsamplingConv(), torch.randn(2, 64, 5, 3, requires_grad=True)
    repeated = torch.nn.functional.interpolate(x, scale_factor=2)
    expected, found = torch.conv2d(repeated, layer.weight, padding=1), layer(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    weights = torch.randn_like(expected)
    expected_grad, found_grad = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (expected, found))
    torch.testing.assert_close(found_grad, expected_grad, atol=1e-5, rtol=0)


def test_gradients_pass_both_ways_and_inputs_stay() -> None:
    torch.manual_seed(0)
    codec = Taef2Codec()
    codec.__dict__["_encoder"] = build_encoder().double().requires_grad_(False)
    codec.__dict__["_decoder"] = build_decoder().double().requires_grad_(False)
    for run, shape in ((codec.encode, (5, 3, 16, 16)), (codec.decode, (5, 32, 2, 2))):
        given, direction = torch.rand(shape).double(), torch.randn(shape).double()
        x = given.clone().requires_grad_()
        run(x).square().sum().backward()
        assert x.grad is not None
        ahead, behind = (run(given + step * direction).square().sum() for step in (1e-6, -1e-6))
        torch.testing.assert_close((ahead - behind) / 2e-6, (x.grad * direction).sum(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(x.detach(), given, rtol=0, atol=0)
        assert run(given).is_contiguous()


def test_the_hash_needs_no_weights_and_the_codec_can_be_sent_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    codec = Taef2Codec()
    assert pickle.loads(pickle.dumps(codec)).hash == codec.hash
    assert codec.hash != build_codec("dct").hash


def test_absent_weights_name_the_asset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    with pytest.raises(AssetError, match=r"taef2_encoder.pth .*lt-bench assets get taef2_encoder.pth"):
        Taef2Codec().encode(torch.zeros(1, 3, 16, 16))


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 8, got 20x16"):
        Taef2Codec().encode(torch.zeros(1, 3, 16, 20))
