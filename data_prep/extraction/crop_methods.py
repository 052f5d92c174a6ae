"""The interface of a crop method, which finds a clip's one square, and the registry of all methods.

The boxes around the face's landmarks are first smoothed by a moving median over frames, so that a single wrong
detection counts for nothing; their *union* is the smallest box around all of them. Side and position are whole pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from data_prep.extraction.crop import Crop
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig
from lt_bench.errors import FaceError
from lt_bench.registry import Registry

MIN_FACE = 32
"""Smallest height of a face that landmarks can be trusted on, in pixels of the source."""


@dataclass(frozen=True)
class Given:
    """What a data set's list says of a clip's crop; pixels of a picture ``reference`` pixels high."""

    x: float = 0
    y: float = 0
    side: float = 0
    """0: the list has no window."""
    reference: int = 0
    ratio: float = 0
    """0: the list has no factor."""
    problem: str = ""
    """Why the window cannot be used."""


@dataclass(frozen=True)
class ClipFaces:
    """What a crop method knows of a clip."""

    landmarks: Float[ndarray, "F K xy"]
    """x and y in pixels (more columns are ignored); NaN in frames without a face."""
    union: Float[ndarray, " 4"]
    """x0, y0, x1, y1 of the union of the smoothed boxes, in pixels."""
    given: Given
    """What the data set's list says."""
    height: int
    """Height of the picture in pixels; 0 where unknown."""


class CropMethod(ABC):
    """Finds the one square of a clip."""

    name: ClassVar[str]
    """The name that ``CropConfig.method`` uses."""

    @abstractmethod
    def find(self, faces: ClipFaces, config: CropConfig) -> Crop:
        """Find the square.

        Raises:
            RejectionError: the method lacks what it needs.
        """


_SQUARES = "data_prep.extraction.crop_squares"
CROP_METHODS = Registry(
    "crop method",
    CropMethod,
    {
        "ffhq": f"{_SQUARES}:FfhqCrop",
        "ratio": f"{_SQUARES}:RatioCrop",
        "stable": f"{_SQUARES}:StableCrop",
        "window": f"{_SQUARES}:WindowCrop",
    },
)
"""Every crop method by name."""
register_crop_method = CROP_METHODS.register


def find_crop(
    landmarks: Float[ndarray, "F K xy"], config: CropConfig, given: Given | None = None, height: int = 0
) -> Crop:
    """Find the square of a clip by the configured method.

    Args:
        landmarks: x and y in pixels (more columns are ignored); NaN in frames without a face.
        config: which method, and its numbers.
        given: of the data set's list, for the methods ``window`` and ``ratio``.
        height: of the picture in pixels, for ``window``.

    Raises:
        ConfigError: the method is unknown.
        RejectionError: the face leaves its place, or the method lacks what it needs.
        FaceError: no frame has a face, or it is too small.
    """
    method = CROP_METHODS.get(config.method, "crop.method")()
    return method.find(ClipFaces(landmarks, face_union(landmarks, config), given or Given(), height), config)


def stable_crop(landmarks: Float[ndarray, "F K xy"], config: CropConfig | None = None) -> Crop:
    """``find_crop`` by the method ``stable``.

    Raises:
        RejectionError: the face leaves its place.
        FaceError: no frame has a face, or it is too small.
    """
    return find_crop(landmarks, config or CropConfig())


def face_union(landmarks: Float[ndarray, "F K xy"], config: CropConfig) -> Float[ndarray, " 4"]:
    """x0, y0, x1, y1 of the union of the smoothed boxes.

    Raises:
        RejectionError: the face leaves its place.
        FaceError: no frame has a face, or it is too small.
    """
    boxes = face_boxes(landmarks)
    if not len(boxes):
        raise FaceError("expected a face, got none in any frame")
    sides = boxes[:, 2:] - boxes[:, :2]
    height = float(np.median(sides[:, 1]))
    if height < MIN_FACE:
        raise FaceError(f"expected a face at least {MIN_FACE} px high, got {height:.0f} px")
    smooth = moving_median(boxes, config.smoothing)
    union = np.concatenate([smooth[:, :2].min(axis=0), smooth[:, 2:].max(axis=0)])
    travel = float((union[2:] - union[:2]).max() / np.median(sides.max(axis=1)))
    if travel > config.max_travel:
        text = f"expected a face that stays in place, got one that moves over {travel:.1f} times its size"
        raise RejectionError("travel", text, travel, config.max_travel)
    return union


def face_boxes(landmarks: Float[ndarray, "F K xy"]) -> Float[ndarray, "found 4"]:
    """x0, y0, x1, y1 around the landmarks of the frames that have a face."""
    found = landmarks[np.isfinite(landmarks[..., :2]).all(axis=(1, 2)), :, :2].astype(np.float64)
    return np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1)


def moving_median(rows: Float[ndarray, "F D"], size: int) -> Float[ndarray, "F D"]:
    """Median over ``size`` (odd) neighbouring rows; the first and last rows are repeated beyond the ends."""
    padded = np.pad(rows, ((size // 2, size // 2), (0, 0)), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, size, axis=0), axis=-1)


def square_around(center: Float[ndarray, " 2"], side: float, roll: float = 0.0) -> Crop:
    """Round a square to whole pixels.

    Args:
        center: x and y in pixels.
        side: in pixels.
        roll: degrees clockwise by which the square is turned about its center.
    """
    whole = round(side)
    x, y = (int(v) for v in np.floor(center - whole / 2 + 0.5))
    return Crop(x, y, whole, roll)
