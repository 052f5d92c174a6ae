"""How sharp frames are by themselves, without a real frame to compare with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError, VideoMetric
from lt_bench.evaluation.metrics.words import every

BLUR = 11
"""Pixels of the blur that frames are compared with."""


def blur_effect(grey: Float[ndarray, "H W"]) -> float:
    """How little a further blur changes a picture, 0 (all edges sharp) to 1, the worse of both directions.

    Raises:
        UnscorableError: the picture has no edges.
    """
    return max(_along(grey), _along(grey.T))


def _along(grey: Float[ndarray, "H W"]) -> float:
    grey = np.ascontiguousarray(grey, np.float64)
    blurred = cv2.blur(grey, (BLUR, 1), borderType=cv2.BORDER_REFLECT)
    edges, softer = (np.abs(cv2.Sobel(x, cv2.CV_64F, 1, 0, ksize=3)) for x in (grey, blurred))
    total = float(edges[2:-1, 2:-1].sum())
    if total <= 0:
        raise UnscorableError("sharpness: expected a picture with edges, got a plain one")
    # Crete et al. 2007, equations 4 to 9.
    lost = float(np.maximum(edges - softer, 0)[2:-1, 2:-1].sum())
    return 1 - lost / total


@dataclass(frozen=True)
class Sharpness(VideoMetric):
    """One minus the blur effect of the luma of whole frames. Noise counts as sharp: compare it with the real videos."""

    name = "sharpness"
    title = f"no-reference sharpness (1 - blur effect, {BLUR} px)"
    reference = "real"
    source = "Crete et al. 2007, The blur effect: perception and estimation with a new no-reference perceptual metric"

    stride: int = 5
    """Scored frames from one measured frame to the next."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def detail(self) -> str:
        """The stride."""
        return every(self.stride)

    def score(self, clip: ClipContext) -> float:
        """Mean over the frames looked at."""
        frames: UInt8[ndarray, "F H W 3"] = clip.generated.frames[clip.first_frame :: self.stride]
        return float(np.mean([1 - blur_effect(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) / 255.0) for f in frames]))
