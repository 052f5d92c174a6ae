"""Do the lips follow the voice? On the synthetic set, where the true mouth of every frame is known.

The probe measures the mouth of the generated video; the truth is that of the voice's own phonemes. Every clip of the
synthetic set starts near a pause, where all mouths are alike, so protocols score from frame 16 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.errors import Fault, blame
from lt_bench.evaluation.metrics.base import ClipContext, Need, Truth, UnscorableError
from lt_bench.evaluation.metrics.synthetic.probe_track import ProbeVideoMetric, probe_track
from lt_bench.evaluation.statistics.cluster import pearson

MIN_FRAMES = 10
MAX_SHIFT = 15
SOURCE = "Pearson correlation over the scored frames between the probe's measure and the exact truth"


class _MouthCorrelation(ProbeVideoMetric):
    """Correlation of one measure of the mouth with its truth."""

    higher_is_better = True
    reference = "ceiling"
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("truth",)
    measure: ClassVar[str]

    def score(self, clip: ClipContext) -> float:
        """Correlation over the scored frames."""
        with blame(_fault_of_length(clip, clip.truth, MIN_FRAMES)):
            return correlation(*_series(clip, clip.truth, self.measure))


@dataclass(frozen=True)
class LipCorr(_MouthCorrelation):
    """Mouth opening: the main score of lip sync on the synthetic set."""

    name = "lip_corr"
    title = "correlation of mouth opening with the truth (probe)"
    measure = "opening"


@dataclass(frozen=True)
class WidthCorr(_MouthCorrelation):
    """Mouth width: spread or narrow."""

    name = "width_corr"
    title = "correlation of mouth width with the truth (probe)"
    measure = "width"


@dataclass(frozen=True)
class RoundingCorr(_MouthCorrelation):
    """Lip rounding."""

    name = "rounding_corr"
    title = "correlation of lip rounding with the truth (probe)"
    measure = "rounding"


@dataclass(frozen=True)
class LipCorrShuffled(ProbeVideoMetric):
    """The control of ``lip_corr``: the same video against what another identity said. About 0 if it means anything."""

    name = "lip_corr_shuffled"
    title = "correlation of mouth opening with another clip's truth (probe)"
    reference = "real"
    source = f"{SOURCE} of the next identity's clip, in sorted order, round"
    needs: ClassVar[tuple[Need, ...]] = ("truth", "other_identity")

    def score(self, clip: ClipContext) -> float:
        """Correlation over the scored frames that both clips have."""
        with blame(_fault_of_length(clip, clip.other_truth, MIN_FRAMES)):
            return correlation(*_series(clip, clip.other_truth, "opening"))


@dataclass(frozen=True)
class LipError(ProbeVideoMetric):
    """Mean absolute error of the mouth opening; a mouth that stays half open is not far off: see ``lip_corr``."""

    name = "lip_error"
    title = "mean absolute error of mouth opening (probe)"
    unit = "of full opening"
    higher_is_better = False
    reference = "floor"
    source = "mean over the scored frames of |measured - true|"
    needs: ClassVar[tuple[Need, ...]] = ("truth",)

    def score(self, clip: ClipContext) -> float:
        """Error over the scored frames."""
        measured, true = _series(clip, clip.truth, "opening")
        return float(np.abs(measured - true).mean())


@dataclass(frozen=True)
class AvOffset(ProbeVideoMetric):
    """By how many frames the lips come late (positive) or early (negative); chance where ``lip_corr`` is low."""

    name = "av_offset"
    title = f"shift of mouth opening at the best correlation within {MAX_SHIFT} frames (probe), median"
    unit = "frames"
    target = 0.0
    aggregate = "median"
    reference = "real"
    source = "argmax over shifts of the correlation of measured and true mouth opening"
    needs: ClassVar[tuple[Need, ...]] = ("truth",)

    def score(self, clip: ClipContext) -> float:
        """The best shift of the scored frames."""
        with blame(_fault_of_length(clip, clip.truth, MIN_FRAMES + 2 * MAX_SHIFT)):
            return float(best_shift(*_series(clip, clip.truth, "opening"), MAX_SHIFT))


def best_shift(measured: Float[ndarray, " F"], true: Float[ndarray, " F"], limit: int) -> int:
    """The shift k, in frames, at which ``measured[t + k]`` correlates best with ``true[t]``; of equals the smallest.

    Every shift is judged on as many frames: those of ``true`` that stay inside at all shifts.

    Raises:
        UnscorableError: fewer than ``MIN_FRAMES`` frames are left.
    """
    inner = np.arange(limit, len(true) - limit)
    if len(inner) < MIN_FRAMES:
        raise UnscorableError(
            f"offset: expected at least {MIN_FRAMES + 2 * limit} scored frames for shifts of {limit}, got {len(true)}"
        )
    shifts = sorted(range(-limit, limit + 1), key=abs)
    return max(shifts, key=lambda k: _pearson(measured[inner + k], true[inner]))


def correlation(measured: Float[ndarray, " F"], true: Float[ndarray, " F"]) -> float:
    """Pearson's correlation of at least ``MIN_FRAMES`` frames.

    Raises:
        UnscorableError: there are fewer.
        UndefinedError: one does not vary.
    """
    if len(true) < MIN_FRAMES:
        raise UnscorableError(f"correlation: expected at least {MIN_FRAMES} scored frames, got {len(true)}")
    return _pearson(measured, true)


def _pearson(measured: Float[ndarray, " F"], true: Float[ndarray, " F"]) -> float:
    with blame("reference" if np.ptp(true) == 0 else "generated"):
        return pearson(measured, true)


def _fault_of_length(clip: ClipContext, truth: Truth | None, scored: int) -> Fault:
    """Fault of an error for fewer than ``scored`` frames with a measurement and a truth."""
    frames = clip.first_frame + scored
    if truth is not None and truth is not clip.truth and len(truth.states) < frames:
        return "reference"  # another clip's truth, perhaps of another length
    return clip.fault_of_length(frames)


def _series(clip: ClipContext, truth: Truth | None, name: str) -> tuple[Float[ndarray, " F"], Float[ndarray, " F"]]:
    if truth is None:
        raise UnscorableError("the clip has no truth", fault="reference")
    measured = getattr(probe_track(clip.generated), name)[clip.scored]
    true = truth[name][clip.scored]
    frames = min(len(measured), len(true))
    return measured[:frames].astype(float), true[:frames].astype(float)
