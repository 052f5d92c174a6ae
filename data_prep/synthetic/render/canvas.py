"""Painting in face units: grids of pixel centres, soft shapes, and anti-aliased curves on a texture.

Face units: half a face height is 1, x points right and y down, the origin lies between the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

HALF = 1.5
"""The head's texture covers [-HALF, HALF] in x and y."""
VIEW_Y = 0.18
"""How far below the origin the frame is centred at zoom 1."""

Plane = Float[ndarray, "H W"]
Curve = Float[ndarray, " points"]
Ink = Sequence[float | int] | ndarray
"""A colour, each channel in 0..255."""


@dataclass(frozen=True)
class Grid:
    """Coordinates of pixel centres, in face units."""

    x: Float32[ndarray, "H W"]
    y: Float32[ndarray, "H W"]


@lru_cache(maxsize=8)
def texture_grid(n: int) -> Grid:
    """The n x n texture of the head."""
    return Grid(*np.meshgrid(_line(n, 0), _line(n, 0)))


@lru_cache(maxsize=8)
def frame_grid(n: int, zoom: float, margin: int = 0) -> Grid:
    """The n x n frame, with ``margin`` more pixels on each side."""
    x, y = np.meshgrid(_line(n, margin), _line(n, margin))
    return Grid(x / np.float32(zoom), y / np.float32(zoom) + np.float32(VIEW_Y / zoom**2))


def _line(n: int, margin: int) -> Float32[ndarray, " side"]:
    return (np.arange(-margin, n + margin, dtype=np.float32) + 0.5) * np.float32(2 * HALF / n) - np.float32(HALF)


def step(x: Float[ndarray, "*shape"], low: float | ndarray, high: float | ndarray) -> Float[ndarray, "*shape"]:
    """Smooth step from 0 at ``low`` to 1 at ``high``, which are numbers or broadcast to ``x``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Plane, y: Plane, cx: float, cy: float, sx: float, sy: float) -> Plane:
    """A Gaussian hill of height 1 about (cx, cy)."""
    return np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)


@dataclass(frozen=True)
class Canvas:
    """A texture, or a window of it that shares its memory, painted in place with curves in face units."""

    image: UInt8[ndarray, "H W *channels"]
    scale: float
    """Texture pixels a face unit."""
    left: int = 0
    """Texture column of the window's first pixel."""
    top: int = 0

    def window(self, x0: float, x1: float, y0: float, y1: float) -> Canvas:
        """The part between two corners; only of a whole texture."""
        a, b, c, d = (max(int((v + HALF) * self.scale), 0) for v in (x0, x1, y0, y1))
        return Canvas(self.image[c : d + 1, a : b + 1], self.scale, left=a, top=c)

    def fill(self, x: Curve, upper: Curve, lower: Curve, color: Ink) -> None:
        """Fill between two curves over the same x."""
        outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]])])
        cv2.fillPoly(self.image, [self._fixed_point(outline)], _ink(color), cv2.LINE_AA, 4)

    def stroke(self, x: Curve, y: Curve, color: Ink, thickness: int = 1) -> None:
        """Draw a curve; ``thickness`` in texture pixels."""
        points = self._fixed_point(np.column_stack([x, y]))
        cv2.polylines(self.image, [points], False, _ink(color), thickness, cv2.LINE_AA, 4)

    def disc(self, x: float, y: float, radius: float, color: Ink) -> None:
        """Fill a circle."""
        centre = ((x + HALF) * self.scale - self.left - 0.5, (y + HALF) * self.scale - self.top - 0.5)
        at = (round(16 * centre[0]), round(16 * centre[1]))
        cv2.circle(self.image, at, round(16 * radius * self.scale), _ink(color), -1, cv2.LINE_AA, 4)

    def soften(self, side: int) -> None:
        """Blur everything with a Gaussian kernel of ``side`` pixels."""
        cv2.GaussianBlur(self.image, (side, side), 0, dst=self.image)

    def _fixed_point(self, points: Float[ndarray, "points 2"]) -> ndarray:
        """Face units to OpenCV's 1/16 pixels, counted from pixel centres."""
        origin = (16 * self.left + 8, 16 * self.top + 8)
        return np.rint((points + HALF) * (16 * self.scale) - origin).astype(np.int32)


def _ink(color: Ink) -> tuple[float, float, float, float]:
    return float(color[0]), float(color[1]), float(color[2]), 255.0
