"""Expression distance along a soft alignment: the distance of ``expression_distance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric
from lt_bench.evaluation.metrics.base import ClipContext, Need
from lt_bench.evaluation.metrics.lip_sync.landmark_distance import faces_in_both
from lt_bench.perception.faces import landmarker_hash


@dataclass(frozen=True)
class ExpressionAligned(AlignedMetric):
    """Distance to the real expression within the band; brows and eyes that no voice determines cost it too."""

    name = "expression_distance_aligned"
    title = "aligned Euclidean distance of 52 blendshapes (MediaPipe)"
    higher_is_better = False
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return Euclidean distances of blendshapes, frames with both faces."""
        both = faces_in_both(clip)
        a, b = (np.asarray(v.faces.blendshapes[clip.scored][both], np.float64) for v in (clip.generated, clip.real))
        return AlignedDistances(
            len(a),
            lambda i, j: np.linalg.norm(a[i] - b[j], axis=1),
            lambda i, j: np.linalg.norm(a[i] - a[j], axis=1),
            lambda i, j: np.linalg.norm(b[i] - b[j], axis=1),
        )
