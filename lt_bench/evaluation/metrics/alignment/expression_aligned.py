"""Expression distance along a soft alignment: the distance of ``expression_distance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric, vector_distances
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
        return vector_distances(*(video.faces.blendshapes[clip.scored][both] for video in (clip.generated, clip.real)))
