"""Anti-aliased curves on the head's texture, given in face units and drawn in 1/16 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8
from numpy import ndarray

from data_prep.synthetic.render.canvas import HALF

Image = UInt8[ndarray, "H W *channels"]
Curve = Float[ndarray, "*curves points"]
Points = Int32[ndarray, "*curves points 2"]
"""x, y in 1/16 pixels of a window, counted from the center of its first pixel."""
Length = TypeVar("Length", float, Float[ndarray, "*curves points"])
Ink = tuple[float, float, float, float]
"""An opaque color, each channel in 0..255."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the texture."""

    scale: float
    """Texture pixels a face unit."""
    left: int
    top: int
    right: int
    bottom: int

    @staticmethod
    def whole(n: int) -> Window:
        """The n x n texture."""
        return Window(n / (2 * HALF), 0, 0, n, n)

    def part(self, x0: float, x1: float, y0: float, y1: float) -> Window:
        """The part of the whole texture between two corners."""
        left, right, top, bottom = (max(int((v + HALF) * self.scale), 0) for v in (x0, x1, y0, y1))
        return Window(self.scale, left, top, min(right + 1, self.right), min(bottom + 1, self.bottom))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.bottom - self.top, self.right - self.left

    def of(self, texture: Image) -> Image:
        """The window's pixels, which share the texture's memory."""
        return texture[self.top : self.bottom, self.left : self.right]

    def columns(self, x: Length) -> Length:
        """Face units to 1/16 pixels, not yet rounded."""
        return (x + HALF) * (16 * self.scale) - (16 * self.left + 8)

    def rows(self, y: Length) -> Length:
        """Face units to 1/16 pixels, not yet rounded."""
        return (y + HALF) * (16 * self.scale) - (16 * self.top + 8)


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
    there, back = curves(columns, upper), curves(columns, lower)
    return np.concatenate([there, back[..., ::-1, :]], axis=-2)


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
