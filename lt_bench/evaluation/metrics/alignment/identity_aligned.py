"""Identity to the ground truth along a soft alignment: the distance of ``identity_dlib_truth``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric, vector_distances
from lt_bench.evaluation.metrics.base import ClipContext, Need
from lt_bench.evaluation.metrics.identity.identity_dlib import IdentityDlibTruth
from lt_bench.perception.face_embedding import WEIGHTS


@dataclass(frozen=True)
class IdentityDlibTruthAligned(AlignedMetric):
    """Distance of the face to the real face within the band; it uses the embeddings of ``identity_dlib_truth``."""

    name = "identity_dlib_truth_aligned"
    title = "aligned Euclidean distance of dlib ResNet embeddings"
    higher_is_better = False
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    stride: int = 5
    """Frames from one embedded frame to the next; that of the frame-wise metrics, whose embeddings are reused."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._frame_wise()  # which refuses a stride below 1

    @property
    def steps(self) -> int:
        """Band in embedded frames."""
        return self.band // self.stride

    @property
    def detector(self) -> str:
        """Hash over the network with its alignment of faces, and the landmarker."""
        return self._frame_wise().detector

    @property
    def detail(self) -> str:
        """Gamma, band and stride."""
        return f"{super().detail}, stride {self.stride}"

    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return Euclidean distances of embeddings, frames with both faces."""
        return vector_distances(*self._frame_wise().embeddings_in_both(clip))

    def _frame_wise(self) -> IdentityDlibTruth:
        return IdentityDlibTruth(stride=self.stride)
