"""Aggregates of the face similarity of a video's frames, for any network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.identity.face_similarity import WORST, IdentityMetric


@dataclass(frozen=True)
class MeanToPortrait(IdentityMetric):
    """Likeness to the portrait."""

    def score(self, clip: ClipContext) -> float:
        """Mean over the frames looked at that have a face."""
        return float(self.to_portrait(clip).mean())


@dataclass(frozen=True)
class WorstToPortrait(IdentityMetric):
    """Likeness of the frames that are least like the portrait."""

    def score(self, clip: ClipContext) -> float:
        """The percentile at the worse end."""
        return float(np.percentile(self.to_portrait(clip), WORST if self.higher_is_better else 100 - WORST))


@dataclass(frozen=True)
class DriftFromPortrait(IdentityMetric):
    """Growth of the likeness measure over time."""

    def score(self, clip: ClipContext) -> float:
        """Last third minus first third."""
        return drift(self.to_portrait(clip))


@dataclass(frozen=True)
class MeanToTruth(IdentityMetric):
    """Likeness to the real frame at the same time."""

    def score(self, clip: ClipContext) -> float:
        """Mean over the frames looked at that have a face in both videos."""
        return float(self.to_truth(clip).mean())


def drift(values: Float[ndarray, " N"]) -> float:
    """Mean over the last third of the frames minus that over the first third.

    Raises:
        UnscorableError: fewer than three frames.
    """
    third = len(values) // 3
    if third < 1:
        raise UnscorableError(f"identity drift: expected at least 3 frames with a face, got {len(values)}")
    return float(values[-third:].mean() - values[:third].mean())
