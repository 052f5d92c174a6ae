"""PSNR against the real video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError, VideoMetric

DATA_RANGE = 255.0


def psnr(generated: UInt8[ndarray, "F H W 3"], real: UInt8[ndarray, "F H W 3"]) -> float:
    """Peak signal-to-noise ratio in dB of the mean squared error over all pixels, data range 255.

    Raises:
        UnscorableError: the videos are equal, so that it is infinite.
    """
    total = sum(float(np.sum((a.astype(np.float64) - b) ** 2)) for a, b in zip(generated, real, strict=True))
    if total == 0:
        # Nothing is wrong with a video that equals the reference, so its clip must not count as the worst.
        raise UnscorableError("PSNR: the videos are equal, so that it is infinite", fault="reference")
    return float(10 * np.log10(DATA_RANGE**2 / (total / real.size)))


@dataclass(frozen=True)
class Psnr(VideoMetric):
    """Likeness of pixels. Motion that the voice does not determine, such as the head's, costs it too."""

    name = "psnr"
    title = "PSNR of RGB, data range 255"
    unit = "dB"
    higher_is_better = True
    source = "10 log10(255^2 / MSE), MSE over all pixels and scored frames of a video"

    def score(self, clip: ClipContext) -> float:
        """PSNR of the scored frames, in dB."""
        return psnr(clip.generated.frames[clip.scored], clip.real.frames[clip.scored])
