"""SSIM against the real video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError, VideoMetric

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def ssim(generated: UInt8[ndarray, "F H W 3"], real: UInt8[ndarray, "F H W 3"]) -> float:
    """Mean structural similarity over frames, channels and pixels.

    Gaussian window of 11 pixels and sigma 1.5, mirrored at the borders, K1 0.01, K2 0.03, data range 1 (values 0..1),
    float64. Equal to torchmetrics' up to rounding; written here since that one takes seconds to import and is 30
    times slower in float64.

    Raises:
        UnscorableError: frames are smaller than the window.
    """
    if min(real.shape[1:3]) < WINDOW:
        got = f"{real.shape[2]}x{real.shape[1]}"
        raise UnscorableError(f"SSIM: expected frames of at least {WINDOW} pixels, got {got}", fault="environment")
    return float(np.mean([_ssim_of_frame(a / 255.0, b / 255.0) for a, b in zip(generated, real, strict=True)]))


def _ssim_of_frame(a: Float64[ndarray, "H W 3"], b: Float64[ndarray, "H W 3"]) -> float:
    mean_a, mean_b = _local_mean(a), _local_mean(b)
    var_a, var_b = _local_mean(a * a) - mean_a**2, _local_mean(b * b) - mean_b**2
    covariance = _local_mean(a * b) - mean_a * mean_b
    # Wang et al. 2004, equation 13.
    alike = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return float(np.mean(alike / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))))


def _local_mean(x: Float64[ndarray, "H W 3"]) -> Float64[ndarray, "H W 3"]:
    import cv2

    kernel = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F)
    return cv2.sepFilter2D(x, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


@dataclass(frozen=True)
class Ssim(VideoMetric):
    """Likeness of local structure."""

    name = "ssim"
    title = f"SSIM of RGB, Gaussian {WINDOW}/{SIGMA}"
    unit = ""
    higher_is_better = True
    source = "Wang et al. 2004, Image quality assessment: from error visibility to structural similarity"

    def score(self, clip: ClipContext) -> float:
        """Mean SSIM of the scored frames."""
        return ssim(clip.generated.frames[clip.scored], clip.real.frames[clip.scored])
