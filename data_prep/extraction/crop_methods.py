"""How a clip's one square is found from the face's landmarks, or is given by the data set's list.

The landmarks' boxes are first smoothed by a moving median over frames, so that a single wrong detection counts for
nothing; their *union* is the smallest box around all of them. Side and position are whole pixels.

stable  a square around the union: its side is the union's larger side times ``scale``, its centre above the union's by
        ``rise`` times that side, for landmarks end at the hairline.
ffhq    as FFHQ is aligned (Karras et al., arXiv 1812.04948, appendix A): centre and side follow from eyes and mouth,
        and the square is turned so that the eyes are level; here once for the clip, from the median landmarks.
window  the fixed window of the data set's list, in pixels of its reference resolution (HDTF's first way).
ratio   a square around the union, its side enlarged by the list's factor (HDTF's second way).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from data_prep.extraction.crop import Crop
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig
from lt_bench.errors import FaceError

MIN_FACE = 32
"""Smallest height of a face that landmarks can be trusted on, in pixels of the source."""
EYES = ((33, 133), (263, 362))
"""MediaPipe's corners of the eyes, first those on the image's left."""
MOUTH = (61, 291)


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


def find_crop(
    landmarks: Float[ndarray, "F K xy"], config: CropConfig, given: Given | None = None, height: int = 0
) -> Crop:
    """The square of a clip by the configured method.

    Args:
        landmarks: x and y in pixels (more columns are ignored); NaN in frames without a face.
        config: which method, and its numbers.
        given: of the data set's list, for the methods ``window`` and ``ratio``.
        height: of the picture in pixels, for ``window``.

    Raises:
        RejectionError: the face leaves its place, or the method lacks what it needs.
        FaceError: no frame has a face, or it is too small.
    """
    union = face_union(landmarks, config)
    return _METHODS[config.method](landmarks, union, config, given or Given(), height)


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


def _stable(landmarks: ndarray, union: ndarray, config: CropConfig, given: Given, height: int) -> Crop:
    larger = float((union[2:] - union[:2]).max())
    return _around((union[:2] + union[2:]) / 2 - (0, config.rise * larger), config.scale * larger)


def _ratio(landmarks: ndarray, union: ndarray, config: CropConfig, given: Given, height: int) -> Crop:
    if not given.ratio:
        raise RejectionError("crop", "expected a factor for the crop in the list, got none")
    return _around((union[:2] + union[2:]) / 2, given.ratio * float((union[2:] - union[:2]).max()))


def _window(landmarks: ndarray, union: ndarray, config: CropConfig, given: Given, height: int) -> Crop:
    if given.problem or not given.side:
        raise RejectionError("crop", given.problem or "expected a window in the list, got none")
    scale = height / given.reference
    centre = np.array([given.x + given.side / 2, given.y + given.side / 2]) * scale
    middle = (union[:2] + union[2:]) / 2
    if (np.abs(middle - centre) > given.side * scale / 2).any():
        raise RejectionError("crop", "expected the face within the list's window, got it outside (another edit?)")
    return _around(centre, given.side * scale)


def _ffhq(landmarks: ndarray, union: ndarray, config: CropConfig, given: Given, height: int) -> Crop:
    points = np.nanmedian(landmarks[..., :2].astype(np.float64), axis=0)
    left, right = (points[list(corners)].mean(axis=0) for corners in EYES)
    eyes, mouth = (left + right) / 2, points[list(MOUTH)].mean(axis=0)
    across, down = right - left, mouth - eyes
    axis = across - np.array([-down[1], down[0]])
    side = 2 * max(2.0 * float(np.linalg.norm(across)), 1.8 * float(np.linalg.norm(down)))
    roll = round(float(np.degrees(np.arctan2(axis[1], axis[0]))), 2)
    return _around(eyes + 0.1 * down, side, roll)


def _around(centre: ndarray, side: float, roll: float = 0.0) -> Crop:
    whole = round(side)
    x, y = (int(v) for v in np.floor(centre - whole / 2 + 0.5))
    return Crop(x, y, whole, roll)


_METHODS: dict[str, Callable[[ndarray, ndarray, CropConfig, Given, int], Crop]] = {
    "stable": _stable,
    "ffhq": _ffhq,
    "window": _window,
    "ratio": _ratio,
}
