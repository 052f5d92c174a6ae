"""PSNR, SSIM, motion and flicker: known answers, torchmetrics, conventions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.evaluation.metrics.base import UnscorableError
from lt_bench.evaluation.metrics.image.psnr import psnr
from lt_bench.evaluation.metrics.image.ssim import ssim
from lt_bench.evaluation.metrics.motion.pixel_motion import mean_flicker, mean_motion, ratio


def video(seed: int, frames: int = 6, height: int = 20, width: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).double() / 255


def test_known_answers_of_black_against_white() -> None:
    black = np.zeros((30, 64, 64, 3), np.uint8)
    assert psnr(black, black + 255) == pytest.approx(0.0, abs=1e-12)
    assert ssim(black, black + 255) == pytest.approx(9.999e-05, rel=1e-4)
    assert ssim(black, black) == pytest.approx(1.0)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_equal_to_torchmetrics(seed: int, other: int) -> None:
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    real = video(seed)
    made = (0.7 * real + 0.3 * video(other)).astype(np.uint8)
    a, b = tensor(made), tensor(real)
    assert psnr(made, real) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1.0).item(), abs=1e-4)
    expected = structural_similarity_index_measure(a, b, data_range=1.0)
    assert ssim(made, real) == pytest.approx(float(expected), abs=1e-6)  # type: ignore[arg-type]


def test_scores_of_a_long_video_are_those_of_its_parts() -> None:
    real, made = video(0, 40), video(1, 40)
    parts = [ssim(made[i : i + 10], real[i : i + 10]) for i in range(0, 40, 10)]
    assert ssim(made, real) == pytest.approx(np.mean(parts), rel=1e-12)
    mse = [10 ** (-psnr(made[i : i + 10], real[i : i + 10]) / 10) for i in range(0, 40, 10)]
    assert psnr(made, real) == pytest.approx(-10 * np.log10(np.mean(mse)), rel=1e-12)


def test_an_infinite_psnr_is_a_reason_not_a_number() -> None:
    with pytest.raises(UnscorableError, match="infinite"):
        psnr(video(0), video(0))


def test_frames_under_the_window_have_no_ssim() -> None:
    with pytest.raises(UnscorableError, match="11 pixels, got 24x10"):
        ssim(video(0, height=10), video(1, height=10))


def test_more_noise_scores_lower() -> None:
    rng, real = np.random.default_rng(0), video(0, 4, 64, 64) // 4 + 90
    noisy = [np.clip(real + rng.normal(0, s, real.shape), 0, 255).astype(np.uint8) for s in (3, 10, 30)]
    for score in (psnr, ssim):
        values = [score(made, real) for made in noisy]
        assert values == sorted(values, reverse=True)


def test_motion_and_flicker_of_a_frozen_video_are_zero() -> None:
    frozen = np.repeat(video(0, 1), 8, axis=0)
    assert mean_motion(frozen) == 0
    assert mean_flicker(frozen) == 0


def test_steady_motion_has_no_flicker_and_jumping_to_and_fro_twice_its_motion() -> None:
    ramp = np.zeros((10, 4, 4, 3), np.uint8) + (np.arange(10, dtype=np.uint8) * 5)[:, None, None, None]
    assert mean_motion(ramp) == 5
    assert mean_flicker(ramp) == 0
    jump = np.zeros((10, 4, 4, 3), np.uint8) + (np.arange(10, dtype=np.uint8) % 2 * 200)[:, None, None, None]
    assert mean_motion(jump) == 200
    assert mean_flicker(jump) == 400


def test_a_still_real_video_gives_no_ratio() -> None:
    assert ratio(1.0, 2.0, "motion") == 0.5
    with pytest.raises(UnscorableError, match="motion"):
        ratio(1.0, 0.0, "motion")
