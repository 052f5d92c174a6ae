"""What the identity scores share: embeddings of faces, each frame against the portrait or against the real frame.

The two are different metrics, and papers print either as "identity similarity" or "CSIM": against the portrait says
whether it is still that person, against the real frame at the same time also whether pose and mouth are the same.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from lt_bench.errors import FaceError
from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric, VideoView
from lt_bench.evaluation.metrics.words import every
from lt_bench.files import sha256_json
from lt_bench.perception.faces import landmarker_hash

MIN_FOUND = 0.8
WORST = 5
"""Percentile of the frames that the "worst" variants look at."""


class Embedder(Protocol):
    """A face recognition network with its alignment."""

    name: str

    @property
    def hash(self) -> str:
        """Of weights and alignment."""
        ...

    def embed(self, frame: UInt8[ndarray, "H W 3"], landmarks: Float[ndarray, "478 xy"]) -> Float32[ndarray, " D"]:
        """One face."""
        ...

    def embed_faces(
        self, frames: Sequence[UInt8[ndarray, "H W 3"]], landmarks: Sequence[Float[ndarray, "478 xy"]]
    ) -> Float32[ndarray, "N D"]:
        """One face of each frame."""
        ...


@dataclass(frozen=True)
class IdentityMetric(VideoMetric):
    """One number a video out of the likeness of its frames."""

    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    stride: int = 5
    """Scored frames from one embedded frame to the next; neighboring frames add little information."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    @abstractmethod
    def embedder(self) -> Embedder:
        """The network."""

    @abstractmethod
    def compare(self, a: Float[ndarray, "N D"], b: Float[ndarray, "*N D"]) -> Float[ndarray, " N"]:
        """A number a frame."""

    @property
    def detector(self) -> str:
        """Hash over the network with its alignment, and the landmarker."""
        return sha256_json([self.embedder.hash, landmarker_hash()])

    @property
    def detail(self) -> str:
        """The stride."""
        return f"5 points from MediaPipe landmarks, {every(self.stride)}"

    @property
    def _network(self) -> str:
        """Everything that embeddings depend on in addition to the pictures."""
        return " ".join(part for part in (self.embedder.name, self.detector, self.provider) if part)

    def to_portrait(self, clip: ClipContext) -> Float[ndarray, " N"]:
        """Every frame looked at that has a face, against the portrait."""
        return self.compare(self._faces(clip.generated, clip)[1], self._portrait(clip))

    def to_truth(self, clip: ClipContext) -> Float[ndarray, " N"]:
        """Every frame looked at that has a face in both videos, against the real frame at the same time."""
        return self.compare(*self.embeddings_in_both(clip))

    def embeddings_in_both(self, clip: ClipContext) -> tuple[Float32[ndarray, "N D"], Float32[ndarray, "N D"]]:
        """Return the embeddings of the generated and of the real frames that have a face in both videos.

        Raises:
            UnscorableError: there is no such frame.
        """
        (where, made), (there, real) = (self._faces(video, clip) for video in (clip.generated, clip.real))
        both = np.intersect1d(where, there)
        if not len(both):
            raise UnscorableError(f"{clip.id}: expected frames with a face in both videos, got none")
        return made[np.isin(where, both)], real[np.isin(there, both)]

    def _faces(self, video: VideoView, clip: ClipContext) -> tuple[ndarray, Float32[ndarray, "N D"]]:
        """Numbers of the frames with a face, and their embeddings."""
        found = video.faces.found
        chosen = np.arange(len(found))[clip.first_frame :: self.stride]
        seen = chosen[found[chosen]]
        if len(seen) < MIN_FOUND * len(chosen) or not len(seen):
            raise UnscorableError(
                f"{video.label}: expected a face in {MIN_FOUND:.0%} of the frames looked at, "
                f"got {len(seen)} of {len(chosen)}",
                fault=video.fault,
            )

        def embed() -> dict[str, ndarray]:
            frames, points = video.frames, video.faces.landmarks
            return {"faces": self.embedder.embed_faces([frames[i] for i in seen], [points[i] for i in seen])}

        key = f"{self._network} from {clip.first_frame} stride {self.stride}"
        return seen, video.features(key, embed, heard=False)["faces"]

    def _portrait(self, clip: ClipContext) -> Float32[ndarray, " D"]:
        picture = clip.portrait

        def embed() -> dict[str, ndarray]:
            track = clip.real.tools.landmarker.track([picture])
            if not track.found[0]:
                raise FaceError(f"{clip.id}: expected a face in the portrait, got none")
            return {"face": self.embedder.embed(picture, track.landmarks[0])}

        # Kept with the real video, but addressed by the portrait too, which is a separate file.
        address = hashlib.sha256(picture.tobytes()).hexdigest()
        return clip.real.features(f"{self._network} portrait {address}", embed)["face"]
