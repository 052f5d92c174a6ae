"""One stable square crop per clip.

The rule. The face box of a frame spans its landmarks. Over the frames with a face the boxes are smoothed by a moving
median of 5, so that a single wrong detection counts for nothing. The crop is a square around the union of the smoothed
boxes: its side is the union's larger side times 1.5, and its centre lies above the union's by 8% of that larger side,
for landmarks end at the hairline. Side and position are whole pixels and the same in every frame; where the square
leaves the picture, the picture's border pixels are repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.errors import FaceError

SMOOTHING = 5
"""Frames of the moving median."""
SCALE = 1.5
"""Side of the crop over the larger side of the face's union."""
RAISE = 0.08
"""Centre of the crop above that of the union, over the union's larger side."""
MAX_TRAVEL = 2.5
"""Largest side of the union over the median side of the face; beyond, the clip is cut or the head leaves its place."""
MIN_FACE = 32
"""Smallest height of a usable face, in pixels of the source."""


@dataclass(frozen=True)
class Crop:
    """A square of whole pixels of the source; it may leave the picture."""

    x: int
    y: int
    side: int

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels of the source."""
        return float(self.x), float(self.y), float(self.x + self.side), float(self.y + self.side)


def stable_crop(landmarks: Float[ndarray, "F K xy"]) -> Crop:
    """The crop of a clip by the rule above.

    Args:
        landmarks: x and y in pixels (more columns are ignored); NaN in frames without a face.

    Raises:
        FaceError: no frame has a face, the face is too small, or it moves too far for one crop.
    """
    boxes = face_boxes(landmarks)
    if not len(boxes):
        raise FaceError("expected a face, got none in any frame")
    sides = boxes[:, 2:] - boxes[:, :2]
    height = float(np.median(sides[:, 1]))
    if height < MIN_FACE:
        raise FaceError(f"expected a face at least {MIN_FACE} px high, got {height:.0f} px")
    smooth = moving_median(boxes, SMOOTHING)
    low, high = smooth[:, :2].min(axis=0), smooth[:, 2:].max(axis=0)
    larger = float((high - low).max())
    face = float(np.median(sides.max(axis=1)))
    if larger > MAX_TRAVEL * face:
        raise FaceError(
            f"expected a face that stays in place, got one that moves over {larger / face:.1f} times its size (a cut?)"
        )
    side = round(SCALE * larger)
    centre = (low + high) / 2 - (0, RAISE * larger)
    x, y = (int(v) for v in np.floor(centre - side / 2 + 0.5))
    return Crop(x, y, side)


def face_boxes(landmarks: Float[ndarray, "F K xy"]) -> Float[ndarray, "found 4"]:
    """x0, y0, x1, y1 around the landmarks of the frames that have a face."""
    found = landmarks[np.isfinite(landmarks[..., :2]).all(axis=(1, 2)), :, :2].astype(np.float64)
    return np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1)


def moving_median(rows: Float[ndarray, "F D"], size: int) -> Float[ndarray, "F D"]:
    """Median over ``size`` (odd) neighbouring rows; the first and last rows are repeated beyond the ends."""
    padded = np.pad(rows, ((size // 2, size // 2), (0, 0)), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, size, axis=0), axis=-1)


def apply_crop(
    frame: UInt8[ndarray, "H W 3"], crop: Crop, resolution: int
) -> UInt8[ndarray, "resolution resolution 3"]:
    """Cut the square out of a frame and resize it: by pixel area when it shrinks, cubic when it grows."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = (max(crop.x, 0), max(crop.y, 0), min(crop.x + crop.side, width), min(crop.y + crop.side, height))
    if x0 >= x1 or y0 >= y1:
        raise FaceError(f"expected a crop that touches the {width}x{height} picture, got {crop.box}")
    sides = (y0 - crop.y, crop.y + crop.side - y1, x0 - crop.x, crop.x + crop.side - x1)
    square = cv2.copyMakeBorder(frame[y0:y1, x0:x1], *sides, borderType=cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if resolution <= crop.side else cv2.INTER_CUBIC
    return cv2.resize(square, (resolution, resolution), interpolation=method)


def to_crop(points: Float[ndarray, "... xy"], crop: Crop) -> Float[ndarray, "... 2"]:
    """Positions in pixels of the source as fractions of the crop."""
    return ((points[..., :2] - (crop.x, crop.y)) / crop.side).astype(np.float32)
