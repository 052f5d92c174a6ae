"""Structural similarity along a soft alignment: the distance is 1 - SSIM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric
from lt_bench.evaluation.metrics.alignment.soft_dtw import Distance
from lt_bench.evaluation.metrics.base import ClipContext
from lt_bench.evaluation.metrics.image.ssim import SIGMA, WINDOW, ssim


@dataclass(frozen=True)
class SsimAligned(AlignedMetric):
    """Dissimilarity of local structure within the band; 0 is equal."""

    name = "dssim_aligned"
    title = f"aligned 1 - SSIM of RGB, Gaussian {WINDOW}/{SIGMA}"
    higher_is_better = False
    source = SOURCE

    stride: int = 5
    """Frames from one compared frame to the next; every pair within the band costs a full SSIM."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def steps(self) -> int:
        """Band in compared frames."""
        return self.band // self.stride

    @property
    def detail(self) -> str:
        """Gamma, band and stride."""
        return f"{super().detail}, stride {self.stride}"

    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return 1 - SSIM of pairs of frames.

        Raises:
            UnscorableError: frames are smaller than the window.
        """
        chosen = slice(clip.first_frame, None, self.stride)
        a, b = clip.generated.frames[chosen], clip.real.frames[chosen]
        return AlignedDistances(len(a), _dissimilarity(a, b), _dissimilarity(a, a), _dissimilarity(b, b))


def _dissimilarity(a: UInt8[ndarray, "F H W 3"], b: UInt8[ndarray, "F H W 3"]) -> Distance:
    def distance(i: Int[ndarray, " K"], j: Int[ndarray, " K"]) -> Float64[ndarray, " K"]:
        pairs = zip(i, j, strict=True)
        return np.array([0.0 if a is b and m == n else 1 - ssim(a[m][None], b[n][None]) for m, n in pairs])

    return distance
