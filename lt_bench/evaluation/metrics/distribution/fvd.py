"""FVD: the Frechet distance over I3D features of windows of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.base import Need, UnscorableError, VideoView
from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance_of_parts
from lt_bench.evaluation.metrics.distribution.video_windows import WindowMetric
from lt_bench.files import sha256_json
from lt_bench.perception.i3d import SIDE, WEIGHTS, i3d_logits

SOURCE = "Unterthiner et al. 2018, arXiv 1812.01717; network: the I3D TorchScript that StyleGAN-V and others use"


@dataclass(frozen=True)
class Fvd(WindowMetric):
    """Likeness of the distribution of short windows; sees pictures more than motion: read ``fvd_videomae`` beside it.

    Small sets dominate it: read it together with the floor, and never compare across N.
    """

    name = "fvd"
    title = "FVD"
    source = SOURCE
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    values: Literal["0-255", "0-1"] = "0-255"
    """Input of the network: 0-255 with rescaling, as in its training, or 0-1 without."""
    ddof: Literal[0, 1] = 1
    """Covariances are sums over n - ddof; StyleGAN-V's program takes 0."""

    @property
    def detector(self) -> str:
        """Hash of weights and input convention."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(WEIGHTS).sha256, self.values, self.size_rule])

    @property
    def detail(self) -> str:
        """Network, input, windows."""
        given = "rescaled to [-1, 1]" if self.values == "0-255" else "[0, 1] without rescaling"
        biased = ", covariances over n" if self.ddof == 0 else ""
        return f"I3D Kinetics-400 logits, {given}, {self.size_rule}, {self.choice}{biased}"

    @property
    def size_rule(self) -> str:
        """How frames come to the network's size."""
        return f"bilinear to {SIDE} px"

    def window_features(self, video: VideoView, start: int) -> Float[ndarray, " D"]:
        """The 400 logits."""
        return i3d_logits(video.frames[start : start + self.frames], rescale=self.values == "0-255")

    def distance(self, generated: Rows, real: Rows) -> float:
        """Frechet's."""
        return frechet_distance_of_parts(generated, real, self.ddof)


@dataclass(frozen=True)
class FvdFaces(Fvd):
    """FVD of the faces alone, each frame cut to the box of its landmarks."""

    name = "fvd_faces"
    title = "FVD of face boxes"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def size_rule(self) -> str:
        """The cut, and the size."""
        return f"box of MediaPipe's 478 landmarks, area-averaged to {SIDE} px"

    def window_features(self, video: VideoView, start: int) -> Float[ndarray, " D"]:
        """The 400 logits of the faces."""
        stop = start + self.frames
        faces = face_boxes(video.frames[start:stop], video.faces.landmarks[start:stop], video.label)
        return i3d_logits(faces, rescale=self.values == "0-255", resize=False)


def face_boxes(
    frames: UInt8[ndarray, "T H W 3"], landmarks: Float[ndarray, "T 478 3"], label: str
) -> UInt8[ndarray, "T 224 224 3"]:
    """Each frame cut to the box of its landmarks, inside the picture.

    Raises:
        UnscorableError: a frame has no face.
    """
    if not np.isfinite(landmarks).all():
        raise UnscorableError(f"{label}: expected a face in every frame of the window, got a frame without one")
    height, width = frames.shape[1:3]
    low = np.floor(landmarks[..., :2].min(axis=1)).astype(int).clip(0, (width - 1, height - 1))
    high = np.ceil(landmarks[..., :2].max(axis=1)).astype(int).clip(low + 1, (width, height))
    boxes = zip(frames, low, high, strict=True)
    return np.stack(
        [cv2.resize(f[y0:y1, x0:x1], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for f, (x0, y0), (x1, y1) in boxes]
    )
