"""Is it still the person of the portrait? On real faces, by ArcFace, the network of most papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.identity.face_similarity import WORST, Embedder, IdentityMetric
from lt_bench.evaluation.metrics.identity.identity_variants import (
    DriftFromPortrait,
    MeanToPortrait,
    MeanToTruth,
    WorstToPortrait,
)
from lt_bench.perception.arcface import WEIGHTS, ArcFaceEmbedder, chosen_provider
from lt_bench.perception.device import kept_network

NETWORK = "network: Deng et al. 2019, arXiv 1801.07698, InsightFace w600k_r50 (non-commercial)"


@dataclass(frozen=True)
class _IdentityArcFace(IdentityMetric):
    """Cosines."""

    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    @property
    def embedder(self) -> Embedder:
        """ArcFace."""
        return _embedder()

    @property
    def provider(self) -> str:
        """ONNX Runtime's, of this process."""
        return chosen_provider()

    def compare(self, a: Float[ndarray, "N D"], b: Float[ndarray, "*N D"]) -> Float[ndarray, " N"]:
        """Cosine a frame; embeddings are of unit length."""
        return (a.astype(np.float64) * b).sum(axis=1)


@dataclass(frozen=True)
class IdentityArcFace(_IdentityArcFace, MeanToPortrait):
    """Mean cosine of the generated face and the portrait that the system was given."""

    name = "identity_arcface"
    title = "cosine of ArcFace embeddings, generated frames to the portrait"
    higher_is_better = True
    reference = "ceiling"
    source = f"{NETWORK}; mean over frames"


@dataclass(frozen=True)
class IdentityArcFaceWorst(_IdentityArcFace, WorstToPortrait):
    """The same for the worst frames, which a mean hides."""

    name = "identity_arcface_worst"
    title = f"{WORST}th percentile of the cosine of ArcFace embeddings, generated frames to the portrait"
    higher_is_better = True
    reference = "ceiling"
    source = f"{NETWORK}; {WORST}th percentile over frames"


@dataclass(frozen=True)
class IdentityArcFaceDrift(_IdentityArcFace, DriftFromPortrait):
    """Whether the person is lost over time: below 0 where likeness falls."""

    name = "identity_arcface_drift"
    title = "growth of the cosine of ArcFace embeddings with the portrait, last third - first third"
    target = 0.0
    reference = "real"
    source = f"{NETWORK}; mean of the last third of frames minus that of the first"


@dataclass(frozen=True)
class IdentityArcFaceTruth(_IdentityArcFace, MeanToTruth):
    """Mean cosine with the real frame at the same time; pose and mouth cost it too."""

    name = "identity_arcface_truth"
    title = "cosine of ArcFace embeddings, generated to real frames"
    higher_is_better = True
    source = f"{NETWORK}; mean over frames"


@kept_network
def _embedder() -> ArcFaceEmbedder:
    return ArcFaceEmbedder()
