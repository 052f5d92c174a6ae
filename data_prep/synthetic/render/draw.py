"""Anti-aliased curves on the head's texture, given in face units and drawn in 1/16 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8
from numpy import ndarray

Image = UInt8[ndarray, "H W *channels"]
Curve = Float[ndarray, "*curves points"]
Points = Int32[ndarray, "*curves points 2"]
"""x, y in 1/16 pixels of a window, counted from the center of its first pixel."""
Ink = tuple[float, float, float, float]
"""An opaque color, each channel in 0..255."""


def ink(color: Sequence[float] | Float[ndarray, " 3"]) -> Ink:
    """An opaque color."""
    return float(color[0]), float(color[1]), float(color[2]), 255.0


def curves(columns: Curve, rows: Curve) -> Points:
    """The points of curves; ``columns`` broadcast to ``rows``."""
    points = np.empty((*rows.shape, 2), np.int32)
    points[..., 0], points[..., 1] = np.rint(columns), np.rint(rows)
    return points


def outlines(columns: Curve, upper: Curve, lower: Curve) -> Points:
    """The closed outlines between two curves over the same columns."""
    count, across = upper.shape[-1], np.rint(columns)
    points = np.empty((*upper.shape[:-1], 2 * count, 2), np.int32)
    points[..., :count, 0], points[..., count:, 0] = across, across[..., ::-1]
    points[..., :count, 1], points[..., count:, 1] = np.rint(upper), np.rint(lower)[..., ::-1]
    return points


def fill(image: Image, outline: Points, color: Ink) -> None:
    """Fill a closed outline."""
    cv2.fillPoly(image, [outline], color, cv2.LINE_AA, 4)


def stroke(image: Image, curve: Points, color: Ink, thickness: int = 1) -> None:
    """Draw a curve; ``thickness`` in pixels."""
    cv2.polylines(image, [curve], False, color, thickness, cv2.LINE_AA, 4)


def disc(image: Image, column: float, row: float, radius: float, color: Ink) -> None:
    """Fill a circle; all lengths in 1/16 pixels."""
    cv2.circle(image, (round(column), round(row)), round(radius), color, -1, cv2.LINE_AA, 4)


def soften(image: Image, side: int) -> None:
    """Blur a picture in place with a Gaussian kernel of ``side`` pixels."""
    cv2.GaussianBlur(image, (side, side), 0, dst=image)
