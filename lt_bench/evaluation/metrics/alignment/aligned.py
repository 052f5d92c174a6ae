"""Shared part of the aligned metrics: a frame-wise distance along a soft alignment of the two videos.

A frame-wise metric compares frame t with frame t, so a harmless difference of timing costs as much as a wrong face.
Aligned metrics use the same distance of two frames and let each frame find its partner a few frames away. They stand
next to the frame-wise ones, under separate names. The idea is that of "Temporally-Aligned Evaluation for
Audio-Driven Talking Head Generation" (arXiv 2606.01031); gamma, band and normalization are this project's.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from lt_bench.evaluation.metrics.alignment.soft_dtw import Distance, band_of, soft_dtw_divergence
from lt_bench.evaluation.metrics.base import ClipContext, VideoMetric

SOURCE = "soft-DTW divergence, Blondel et al. 2021 (arXiv 2010.08354), after the idea of arXiv 2606.01031"


@dataclass(frozen=True)
class AlignedDistances:
    """Distances of frames by their indices: between the two videos, and within each of them."""

    length: int
    """Frames of each sequence."""
    between: Distance
    """Generated against reference frames."""
    within_generated: Distance
    within_reference: Distance


def vector_distances(generated: ndarray, reference: ndarray) -> AlignedDistances:
    """Return Euclidean distances of equally many feature vectors, (F, D) each."""
    a, b = np.asarray(generated, np.float64), np.asarray(reference, np.float64)
    return AlignedDistances(
        len(a),
        lambda i, j: np.linalg.norm(a[i] - b[j], axis=1),
        lambda i, j: np.linalg.norm(a[i] - a[j], axis=1),
        lambda i, j: np.linalg.norm(b[i] - b[j], axis=1),
    )


@dataclass(frozen=True)
class AlignedMetric(VideoMetric):
    """Soft-DTW divergence of a generated video and its reference, per step of the alignment."""

    gamma: float = 0.01
    """Smoothing of the minimum over alignments, in the unit of the distance."""
    band: int = 5
    """Frames by which partners may be apart (Sakoe-Chiba); 0 gives the frame-wise metric."""

    def __post_init__(self) -> None:
        if not self.gamma > 0:
            raise ValueError(f"gamma: expected a positive number, got {self.gamma}")
        if self.band < 0:
            raise ValueError(f"band: expected at least 0, got {self.band}")

    @property
    def steps(self) -> int:
        """Band in elements of the sequence; metrics that skip frames override it."""
        return self.band

    @property
    def detail(self) -> str:
        """Gamma and band."""
        return f"soft-DTW divergence, gamma {self.gamma:g}, band {self.band} frames"

    @abstractmethod
    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return the distances of the clip's frames."""

    def score(self, clip: ClipContext) -> float:
        """Return the divergence per step."""
        found = self.distances(clip)
        costs = (
            band_of(distance, found.length, self.steps)
            for distance in (found.between, found.within_generated, found.within_reference)
        )
        return soft_dtw_divergence(*costs, gamma=self.gamma)
