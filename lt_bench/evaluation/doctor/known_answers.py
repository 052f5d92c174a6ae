"""Known answers that need no weights: closed forms, constants, and what goes through a video file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.evaluation.doctor.check import Check, Figure


def _psnr_and_ssim() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.image.psnr import psnr
    from lt_bench.evaluation.metrics.image.ssim import ssim

    zeros, ones = (np.full((30, 64, 64, 3), value, np.uint8) for value in (0, 255))
    return [
        Figure("PSNR, zeros against ones, dB", psnr(zeros, ones), 0.0, 1e-9),
        Figure("SSIM, zeros against ones", ssim(zeros, ones), 9.999000099990664e-05, 1e-12),
    ]


def _frechet() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance

    rng = np.random.default_rng(0)
    a = _exact(rng, 40, np.array([0.0, 1.0, 2.0]), np.array([1.0, 4.0, 9.0]))
    b = _exact(rng, 60, np.array([1.0, 1.0, 0.0]), np.array([4.0, 4.0, 1.0]))
    wide = rng.normal(size=(20, 500))  # fewer rows than dimensions
    return [
        # |mu|^2 = 1 + 0 + 4; (1-2)^2 + (2-2)^2 + (3-1)^2 = 5
        Figure("diagonal Gaussians: |mu1-mu2|^2 + sum (s1-s2)^2", frechet_distance(a, b), 10.0, 1e-9),
        Figure("a sample against itself, N < d", frechet_distance(wide, wide), 0.0, 1e-7),
        Figure("a shift by 2 in 500 dimensions, N < d", frechet_distance(wide, wide + 2), 2000.0, 1e-6),
    ]


def _exact(
    rng: np.random.Generator, rows: int, mean: Float[ndarray, " D"], variances: Float[ndarray, " D"]
) -> Float[ndarray, "N D"]:
    """A sample whose mean and covariance (over n - 1) are exactly these."""
    raw = rng.normal(size=(rows, len(mean)))
    basis, _ = np.linalg.qr(raw - raw.mean(axis=0))
    return mean + basis * np.sqrt((rows - 1) * variances)


def _statistics() -> Sequence[Figure]:
    from lt_bench.evaluation.statistics.cluster import holm, paired_difference

    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    flipped = paired_difference([2.0] * 8, [1.0] * 8, list("abcdefgh"))
    few = paired_difference([2.0, 3.0, 4.0, 5.0], [1.0] * 4, list("abcd"))
    return [
        Figure("Holm of 0.01, 0.04, 0.03, 0.005: the second", adjusted[1], 0.06, 1e-12),
        Figure("Holm: the last", adjusted[3], 0.02, 1e-12),
        Figure("sign flips of eight people, all positive", flipped.p_value, 2 / 256, 1e-12),
        Figure("Student's t of four people: 1, 2, 3, 4", few.p_value, 0.030466291662170977, 1e-12),
    ]


def _video_file() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.image.psnr import psnr
    from lt_bench.media.audio import read_audio
    from lt_bench.media.video import read_frames
    from lt_bench.media.video_writer import write_video

    frames = _moving_square()
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(40 * 640) / SAMPLE_RATE)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="lt_bench_doctor_") as folder:
        path = Path(folder) / "v.mp4"
        write_video(path, frames, audio=tone)
        read, sound = read_frames(path), read_audio(path)
    within = slice(4000, 20000)
    lag = int(np.argmax(np.correlate(sound[within], tone[within], "full"))) - (SAMPLE_RATE - 1)
    return [
        Figure("frames written and read", len(read), 40, 0),
        Figure("PSNR of 40 frames through H.264 is above 35 dB (1: yes)", float(psnr(read, frames) > 35), 1, 0),
        Figure("samples by which the sound is late", lag, 0, 1),
    ]


def _moving_square() -> UInt8[ndarray, "40 64 64 3"]:
    frames = np.full((40, 64, 64, 3), 90, np.uint8)
    for index, frame in enumerate(frames):
        frame[20:40, index // 2 : index // 2 + 20] = 160
    return frames


NUMBERS = (
    Check("psnr and ssim", "zeros against ones: MSE 1, and C1 / (1 + C1), Wang et al. 2004", _psnr_and_ssim),
    Check("frechet distance", "closed forms of Gaussians with exact mean and covariance", _frechet),
    Check("statistics", "Holm 1979 by hand; exact sign-flip test of four clusters", _statistics),
    Check("video files", "frames and a tone through H.264 and AAC and back", _video_file),
)
