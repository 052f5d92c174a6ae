"""Landmark distance along a soft alignment: the distances of ``lmd_lips`` and ``lmd_face``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric
from lt_bench.evaluation.metrics.base import ClipContext, Need
from lt_bench.evaluation.metrics.lip_sync.landmark_distance import FACE, LIPS, faces_in_both
from lt_bench.perception.faces import landmarker_hash
from lt_bench.perception.mouth_measures import LEFT_EYE, RIGHT_EYE


class _AlignedLandmarks(AlignedMetric):
    unit = "of eye distance"
    higher_is_better = False
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)
    points: ClassVar[tuple[int, ...]]
    centered: ClassVar[bool]

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return distances of the points in units of the reference's mean eye distance, frames with both faces."""
        both = faces_in_both(clip)
        made, real = (video.faces.landmarks[clip.scored][both][..., :2] for video in (clip.generated, clip.real))
        eyes = float(np.linalg.norm(real[:, LEFT_EYE] - real[:, RIGHT_EYE], axis=-1).mean())
        a, b = self._shape(made, eyes), self._shape(real, eyes)
        return AlignedDistances(
            len(a),
            lambda i, j: np.linalg.norm(a[i] - b[j], axis=-1).mean(1),
            lambda i, j: np.linalg.norm(a[i] - a[j], axis=-1).mean(1),
            lambda i, j: np.linalg.norm(b[i] - b[j], axis=-1).mean(1),
        )

    def _shape(self, points: ndarray, eyes: float) -> Float64[ndarray, "F K 2"]:
        chosen = np.asarray(points[:, list(self.points)], np.float64) / eyes
        return chosen - chosen.mean(axis=1, keepdims=True) if self.centered else chosen


@dataclass(frozen=True)
class LmdLipsAligned(_AlignedLandmarks):
    """Shape of the lips, independent of the head's position, if it occurs within the band."""

    name = "lmd_lips_aligned"
    title = f"aligned landmark distance of {len(LIPS)} lip points (MediaPipe), each frame's mean removed"
    points = LIPS
    centered = True

    gamma: float = 0.001
    """Smoothing in units of the eye distance; distances of landmarks are mostly between 0.01 and 0.05."""


@dataclass(frozen=True)
class LmdFaceAligned(_AlignedLandmarks):
    """Position of the whole face, if it occurs within the band."""

    name = "lmd_face_aligned"
    title = f"aligned landmark distance of {len(FACE)} face points (MediaPipe), in place"
    points = FACE
    centered = False

    gamma: float = 0.001
    """Smoothing in units of the eye distance; distances of landmarks are mostly between 0.01 and 0.05."""
