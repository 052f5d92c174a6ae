"""The square that a clip's face is cut out by: whole pixels, one for all its frames, perhaps turned.

Where the square leaves the picture, the picture's border pixels are repeated. How it is found: ``crop_methods``; how it
is kept inside the picture: ``crop_fit``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.errors import FaceError


@dataclass(frozen=True)
class Crop:
    """A square of whole pixels of the source; it may leave the picture."""

    x: int
    y: int
    side: int
    roll: float = 0.0
    """Degrees clockwise by which the square is turned about its centre."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels of the source, before it is turned."""
        return float(self.x), float(self.y), float(self.x + self.side), float(self.y + self.side)

    @property
    def corners(self) -> Float[ndarray, "4 2"]:
        """Upper left, upper right, lower right and lower left corner, in pixels of the source."""
        square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64) - 0.5
        return (square @ _turn(self.roll)) * self.side + self._centre

    @property
    def _centre(self) -> ndarray:
        return np.array([self.x, self.y], np.float64) + self.side / 2


def apply_crop(
    frame: UInt8[ndarray, "H W 3"], crop: Crop, resolution: int
) -> UInt8[ndarray, "resolution resolution 3"]:
    """Cut the square out of a frame and resize it: by pixel area when it shrinks, cubic when it grows."""
    height, width = frame.shape[:2]
    if crop.roll:
        square = _turned(frame, crop)
    else:
        x0, y0 = max(crop.x, 0), max(crop.y, 0)
        x1, y1 = min(crop.x + crop.side, width), min(crop.y + crop.side, height)
        if x0 >= x1 or y0 >= y1:
            raise FaceError(f"expected a crop that touches the {width}x{height} picture, got {crop.box}")
        sides = (y0 - crop.y, crop.y + crop.side - y1, x0 - crop.x, crop.x + crop.side - x1)
        square = frame[y0:y1, x0:x1]
        if any(sides):
            square = cv2.copyMakeBorder(square, *sides, borderType=cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if resolution <= crop.side else cv2.INTER_CUBIC
    return cv2.resize(square, (resolution, resolution), interpolation=method)


def to_crop(points: Float[ndarray, "... xy"], crop: Crop) -> Float[ndarray, "... 2"]:
    """Positions in pixels of the source as fractions of the crop."""
    if not crop.roll:
        return ((points[..., :2] - (crop.x, crop.y)) / crop.side).astype(np.float32)
    return ((points[..., :2] - crop._centre) @ _turn(-crop.roll) / crop.side + 0.5).astype(np.float32)


def _turn(degrees: float) -> Float[ndarray, "2 2"]:
    """Turns rows of (x, y), y down, clockwise by ``points @ matrix``."""
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _turned(frame: ndarray, crop: Crop) -> ndarray:
    corners = crop.corners[:3] - 0.5  # OpenCV counts from the middle of the first pixel
    target = np.array([(0, 0), (crop.side, 0), (crop.side, crop.side)], np.float64) - 0.5
    matrix = cv2.getAffineTransform(corners.astype(np.float32), target.astype(np.float32))
    size = (crop.side, crop.side)
    return cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
