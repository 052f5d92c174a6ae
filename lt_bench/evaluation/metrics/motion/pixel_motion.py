"""How much the picture moves, against the real video, from pixels: neither more nor less is better, likeness is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError, VideoMetric


def mean_motion(frames: UInt8[ndarray, "F H W 3"]) -> float:
    """Mean absolute difference of neighbouring frames, in grey levels."""
    return float(np.mean([np.abs(b.astype(np.int16) - a).mean() for a, b in pairwise(frames)]))


def mean_flicker(frames: UInt8[ndarray, "F H W 3"]) -> float:
    """Mean absolute second difference over time, |a - 2 b + c|, in grey levels: large where pixels jump to and fro."""
    triples = zip(frames, frames[1:], frames[2:], strict=False)
    return float(np.mean([np.abs(a.astype(np.int16) - 2 * b.astype(np.int16) + c).mean() for a, b, c in triples]))


@dataclass(frozen=True)
class MotionRatio(VideoMetric):
    """Motion of the generated over that of the real video: 0 for a frozen picture, 1 for a lively one."""

    name = "motion_ratio"
    title = "motion of pixels, generated / real"
    target = 1.0
    source = "mean absolute difference of neighbouring frames"

    def score(self, clip: ClipContext) -> float:
        """Ratio over the scored frames."""
        return ratio(*(mean_motion(v.frames[clip.scored]) for v in (clip.generated, clip.real)), what="motion")


@dataclass(frozen=True)
class FlickerRatio(VideoMetric):
    """Flicker of the generated over that of the real video. Alone it rewards frozen faces; read it with motion."""

    name = "flicker_ratio"
    title = "flicker of pixels, generated / real"
    target = 1.0
    source = "mean absolute second difference over time"

    def score(self, clip: ClipContext) -> float:
        """Ratio over the scored frames, of which three are needed."""
        if clip.real.length - clip.first_frame < 3:
            fault = clip.fault_of_length(clip.first_frame + 3)
            raise UnscorableError("flicker: expected at least three scored frames, got fewer", fault=fault)
        return ratio(*(mean_flicker(v.frames[clip.scored]) for v in (clip.generated, clip.real)), what="flicker")


def ratio(generated: float, real: float, what: str) -> float:
    """``generated / real``.

    Raises:
        UnscorableError: the real video has none of it.
    """
    if real <= 0:
        raise UnscorableError(f"{what}: the real video has none, so that there is no ratio", fault="reference")
    return generated / real
