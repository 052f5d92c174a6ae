"""Is it still the person of the portrait? On real faces, by dlib's face recognition network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.errors import FaceError
from lt_bench.evaluation.scores.base import ClipContext, Need, PerVideoScore, UnscorableError, register
from lt_bench.files import sha256_json
from lt_bench.perception.face_embedding import WEIGHTS, DlibFaceEmbedder
from lt_bench.perception.faces import landmarker_hash

MIN_FOUND = 0.8


@register
@dataclass(frozen=True)
class IdentityDlib(PerVideoScore):
    """Distance of the generated face to the portrait that the system was given.

    On GRID, medians over pairs of frames: 0.17 within a clip, 0.26 to another clip of the person, 0.80 to another
    person (least 0.57). Not a cosine: that of two people is about 0.8 with this network, too near to one person's 0.97.
    """

    name = "identity_dlib"
    title = "Euclidean distance of dlib ResNet embeddings, generated frames to the portrait"
    higher_is_better = False
    reference = "floor"
    source = "network: D. King, dlib 2017; mean over frames; 5-point alignment from MediaPipe landmarks"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    stride: int = 5
    """Every so many-th scored frame is embedded; neighbours say little new."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def detector(self) -> str:
        """Hash over the network with its alignment, and the landmarker."""
        return sha256_json([_embedder().hash, landmarker_hash()])

    @property
    def detail(self) -> str:
        """The stride."""
        return f"every {self.stride}. frame"

    def score(self, clip: ClipContext) -> float:
        """Mean distance over the frames looked at that have a face."""
        return float(np.linalg.norm(self._generated(clip) - self._portrait(clip), axis=1).mean())

    def _generated(self, clip: ClipContext) -> Float32[ndarray, "N 128"]:
        video = clip.generated
        track, chosen = video.faces, range(len(video.faces.found))[clip.first_frame :: self.stride]
        seen = [index for index in chosen if track.found[index]]
        if len(seen) < MIN_FOUND * len(chosen) or not seen:
            raise UnscorableError(
                f"{video.path.name}: expected a face in {MIN_FOUND:.0%} of the frames looked at, "
                f"got {len(seen)} of {len(chosen)}"
            )

        def embed() -> dict[str, ndarray]:
            return {"dlib": np.stack([_embedder().embed(video.frames[i], track.landmarks[i]) for i in seen])}

        return video.features(f"{self.name} {self.detector} from {clip.first_frame} stride {self.stride}", embed)[
            "dlib"
        ]

    def _portrait(self, clip: ClipContext) -> Float32[ndarray, " 128"]:
        picture = clip.portrait

        def embed() -> dict[str, ndarray]:
            track = clip.real.tools.landmarker.track([picture])
            if not track.found[0]:
                raise FaceError(f"{clip.id}: expected a face in the portrait, got none")
            return {"dlib": _embedder().embed(picture, track.landmarks[0])}

        # Kept with the real video, but addressed by the portrait too: it is a file of its own.
        address = hashlib.sha256(picture.tobytes()).hexdigest()
        return clip.real.features(f"{self.name} portrait {self.detector} {address}", embed)["dlib"]


@cache
def _embedder() -> DlibFaceEmbedder:
    return DlibFaceEmbedder()
