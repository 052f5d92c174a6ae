"""Expressions by MediaPipe's 52 blendshapes. Not E-FID, whose network is another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, Need, VideoMetric, VideoView
from lt_bench.evaluation.metrics.distribution.feature_distance import DistributionMetric
from lt_bench.evaluation.metrics.lip_sync.landmark_distance import faces_in_both
from lt_bench.evaluation.metrics.motion.head_motion import found_faces
from lt_bench.perception.faces import landmarker_hash

SOURCE = "MediaPipe's blendshapes; the idea of E-FID in Tian et al. 2024, arXiv 2402.17485, by another network"


@dataclass(frozen=True)
class ExpressionFd(DistributionMetric):
    """Likeness of the distribution of expressions: do faces make the faces that real ones make, in any order."""

    name = "expression_fd"
    title = "Frechet distance of 52 blendshapes (MediaPipe)"
    lowest = 0.0
    extrapolates = True
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def features(self, video: VideoView, clip: ClipContext) -> Float[ndarray, "N 52"]:
        """Blendshapes of the scored frames with a face."""
        return video.faces.blendshapes[clip.scored][found_faces(video, clip)]


@dataclass(frozen=True)
class ExpressionDistance(VideoMetric):
    """Distance to the real expression at the same time: the mouth's, but also brows and eyes that no voice tells."""

    name = "expression_distance"
    title = "Euclidean distance of 52 blendshapes (MediaPipe), generated to real frames"
    higher_is_better = False
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Mean over the scored frames with a face in both videos."""
        both = faces_in_both(clip)
        made, real = (video.faces.blendshapes[clip.scored][both] for video in (clip.generated, clip.real))
        return float(np.linalg.norm(made.astype(np.float64) - real, axis=1).mean())
