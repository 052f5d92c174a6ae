"""Is it still the person of the portrait? On real faces, by dlib's face recognition network, openly licensed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
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
from lt_bench.perception.face_embedding import WEIGHTS, DlibFaceEmbedder

NETWORK = "network: D. King, dlib 2017 (ResNet, 29 layers)"


@dataclass(frozen=True)
class _IdentityDlib(IdentityMetric):
    """Euclidean distances.

    On GRID, medians over pairs of frames: 0.17 within a clip, 0.26 to another clip of the person, 0.80 to another
    person (least 0.57). Not a cosine: that of two people is about 0.8 with this network, too near to one person's 0.97.
    """

    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    @property
    def embedder(self) -> Embedder:
        """Dlib's network."""
        return _embedder()

    def compare(self, a: Float[ndarray, "N D"], b: Float[ndarray, "*N D"]) -> Float[ndarray, " N"]:
        """Euclidean distance a frame."""
        return np.linalg.norm(a.astype(np.float64) - b, axis=1)


@dataclass(frozen=True)
class IdentityDlib(_IdentityDlib, MeanToPortrait):
    """Mean distance of the generated face to the portrait that the system was given."""

    name = "identity_dlib"
    title = "Euclidean distance of dlib ResNet embeddings, generated frames to the portrait"
    higher_is_better = False
    reference = "floor"
    source = f"{NETWORK}; mean over frames"


@dataclass(frozen=True)
class IdentityDlibWorst(_IdentityDlib, WorstToPortrait):
    """The same for the worst frames, which a mean hides."""

    name = "identity_dlib_worst"
    title = f"{100 - WORST}th percentile of the distance of dlib ResNet embeddings, generated frames to the portrait"
    higher_is_better = False
    reference = "floor"
    source = f"{NETWORK}; {100 - WORST}th percentile over frames"


@dataclass(frozen=True)
class IdentityDlibDrift(_IdentityDlib, DriftFromPortrait):
    """Whether the person is lost over time: above 0 where distance grows."""

    name = "identity_dlib_drift"
    title = "growth of the distance of dlib ResNet embeddings to the portrait, last third - first third"
    target = 0.0
    reference = "real"
    source = f"{NETWORK}; mean of the last third of frames minus that of the first"


@dataclass(frozen=True)
class IdentityDlibTruth(_IdentityDlib, MeanToTruth):
    """Mean distance to the real frame at the same time; pose and mouth cost it too."""

    name = "identity_dlib_truth"
    title = "Euclidean distance of dlib ResNet embeddings, generated to real frames"
    higher_is_better = False
    source = f"{NETWORK}; mean over frames"


@cache
def _embedder() -> DlibFaceEmbedder:
    return DlibFaceEmbedder()
