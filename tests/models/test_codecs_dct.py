"""The block DCT codec: against SciPy's DCT and OpenCV's colours, invertible on its span, and good enough on faces."""

from __future__ import annotations

import pickle
import time
from functools import cache
from pathlib import Path

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from lt_bench.errors import ConfigError
from lt_bench.media.video import read_frames
from lt_bench.models.codecs import build_codec, frames_to_tensor, tensor_to_frames
from lt_bench.models.codecs.base import check_raw
from lt_bench.models.codecs.dct import DctCodec, dct_matrix, zigzag


def smooth_frames(count: int, side: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (count, side // 16, side // 16, 3)).astype(np.float32)
    return (
        np.stack([cv2.resize(n, (side, side), interpolation=cv2.INTER_CUBIC) for n in noise]).clip(0, 255).astype("u1")
    )


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean((1, 2, 3)))


def test_shapes_names() -> None:
    codec = build_codec("dct")
    assert (codec.name, codec.channels, codec.factor) == ("dct", 32, 8)
    raw = codec.encode(torch.zeros(2, 3, 64, 32))
    assert raw.shape == (2, 32, 8, 4)
    assert codec.decode(raw).shape == (2, 3, 64, 32)
    assert len(codec.scaling.mean) == 32


def test_luma_coefficients_are_scipys_of_opencvs_luma() -> None:
    frame = smooth_frames(1, 64)
    raw = build_codec("dct").encode(frames_to_tensor(frame))[0].numpy()
    luma = cv2.cvtColor(frame[0].astype(np.float32) / 127.5 - 1, cv2.COLOR_RGB2GRAY)
    for row, column in ((0, 0), (3, 5), (7, 7)):
        block = dctn(luma[8 * row : 8 * row + 8, 8 * column : 8 * column + 8], norm="ortho")
        expected = [block[cell] for cell in zigzag(8)[:22]]
        np.testing.assert_allclose(raw[:22, row, column], expected, atol=2e-5)


def test_zigzag_is_that_of_jpeg() -> None:
    order = zigzag(8)
    assert order[:10] == [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0)]
    assert order[-1] == (7, 7)
    assert len(set(order)) == 64


def test_dct_matrix_is_orthonormal() -> None:
    matrix = dct_matrix(8)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(8, dtype=torch.float64))


@settings(deadline=None, max_examples=20)
@given(arrays.arrays(np.float32, (2, 32, 2, 3), elements=st.floats(-4, 4, width=32)))
def test_encoding_a_decoded_latent_gives_it_back(raw: np.ndarray) -> None:
    codec = build_codec("dct")
    again = codec.encode(codec.decode(torch.from_numpy(raw)))
    np.testing.assert_allclose(again, raw, atol=2e-5)


def test_gradients_pass_through_both_ways() -> None:
    codec = build_codec("dct")
    frames = torch.rand(1, 3, 16, 16, requires_grad=True)
    (codec.decode(codec.encode(frames)) ** 2).sum().backward()
    assert frames.grad is not None
    assert frames.grad.abs().min() >= 0
    assert frames.grad.abs().sum() > 0


def test_scaling_whitens_real_faces(mirror: Path) -> None:
    codec = build_codec("dct")
    frames = frames_to_tensor(real_frames(mirror, 128))
    latents = codec.scaling.raw_to_latents(codec.encode(frames))
    deviation = latents.std((0, 2, 3))
    assert deviation.min() > 0.4
    assert deviation.max() < 2.5
    torch.testing.assert_close(codec.scaling.latents_to_raw(latents), codec.encode(frames), atol=1e-5, rtol=1e-4)


@cache
def real_frames(mirror: Path, side: int) -> np.ndarray:
    """Every tenth frame of each real clip: the central square, resized."""
    clips = [read_frames(path)[::10] for path in sorted((mirror / "grid-sample").glob("*.mpg"))]
    margin = (clips[0].shape[2] - clips[0].shape[1]) // 2
    squares = [frame[:, margin : frame.shape[1] - margin] for clip in clips for frame in clip]
    return np.stack([cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA) for square in squares])


def test_real_faces_at_128_pixels_keep_33_5_decibels(mirror: Path) -> None:
    codec = build_codec("dct")
    frames = real_frames(mirror, 128)
    decoded = tensor_to_frames(codec.decode(codec.encode(frames_to_tensor(frames))))
    assert psnr(frames, decoded).mean() >= 33.5


def test_a_thousand_frames_a_second() -> None:
    codec = build_codec("dct")
    frames = torch.rand(64, 3, 64, 64) * 2 - 1
    codec.decode(codec.encode(frames))
    start = time.process_time()
    for _ in range(4):
        codec.decode(codec.encode(frames))
    assert 4 * 64 / (time.process_time() - start) > 1000


def test_frames_survive_the_tensor_round_trip() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(tensor_to_frames(frames_to_tensor(frames)), frames)
    assert tensor_to_frames(torch.full((1, 3, 2, 2), 7.0)).max() == 255


def test_hash_is_stable_and_the_codec_can_be_sent_to_workers() -> None:
    codec = DctCodec()
    assert len(codec.hash) == 64
    assert pickle.loads(pickle.dumps(codec)).hash == codec.hash


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("dtc", "one of ae_rendered_f32, dc, dct, kl, taef2, got 'dtc'"),
        ("", "one of ae_rendered_f32, dc, dct, kl, taef2, got ''"),
        ("kl", "kl:PATH, got 'kl'"),
        ("kl:", "kl:PATH, got 'kl:'"),
        ("dct:8", "dct, got 'dct:8'"),
        ("dct:", "dct, got 'dct:'"),
        ("taef2:x", "taef2, got 'taef2:x'"),
    ],
)
def test_an_unknown_name_is_refused(spec: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"^codec: expected {told}$"):
        build_codec(spec)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 8, got 100x64"):
        build_codec("dct").encode(torch.zeros(1, 3, 64, 100))
    with pytest.raises(ConfigError, match=r"latents: expected the shape \(N, 32, h, w\)"):
        check_raw(torch.zeros(1, 4, 8, 8), 32)
