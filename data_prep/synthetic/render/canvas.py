"""Painting in face units: grids of pixel centers and soft shapes.

Face units: half a face height is 1, x points right and y down, the origin lies between the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

HALF = 1.5
"""The head's texture covers [-HALF, HALF] in x and y."""
VIEW_Y = 0.18
"""How far below the origin the frame is centred at zoom 1."""

Length = TypeVar("Length", float, Float[ndarray, "*shape"])
Plane = Float[ndarray, "H W"]


@dataclass(frozen=True)
class Window:
    """A rectangle of the head's texture; places in it are given in 1/16 pixels from the center of its first pixel."""

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

    def of(self, texture: ndarray) -> ndarray:
        """The window's pixels, which share the texture's memory."""
        return texture[self.top : self.bottom, self.left : self.right]

    def columns(self, x: Length) -> Length:
        """Face units to 1/16 pixels, not yet rounded."""
        return x * (16 * self.scale) + (16 * HALF * self.scale - 16 * self.left - 8)

    def rows(self, y: Length) -> Length:
        """Face units to 1/16 pixels, not yet rounded."""
        return y * (16 * self.scale) + (16 * HALF * self.scale - 16 * self.top - 8)


@dataclass(frozen=True)
class Grid:
    """Coordinates of pixel centres, in face units; a row and a column, which broadcast to the whole picture."""

    x: Float32[ndarray, "1 W"]
    y: Float32[ndarray, "H 1"]

    def part(self, window: Window) -> Grid:
        """The coordinates inside a window of the texture."""
        return Grid(self.x[:, window.left : window.right], self.y[window.top : window.bottom])


@lru_cache(maxsize=8)
def texture_grid(n: int) -> Grid:
    """The n x n texture of the head."""
    return Grid(_line(n, 0)[None], _line(n, 0)[:, None])


@lru_cache(maxsize=8)
def frame_grid(n: int, zoom: float, margin: int = 0) -> Grid:
    """The n x n frame, with ``margin`` more pixels on each side."""
    line = _line(n, margin) / np.float32(zoom)
    return Grid(line[None], line[:, None] + np.float32(VIEW_Y / zoom**2))


def _line(n: int, margin: int) -> Float32[ndarray, " side"]:
    return (np.arange(-margin, n + margin, dtype=np.float32) + 0.5) * np.float32(2 * HALF / n) - np.float32(HALF)


def step(x: Float[ndarray, "*shape"], low: float | ndarray, high: float | ndarray) -> Float[ndarray, "*shape"]:
    """Smooth step from 0 at ``low`` to 1 at ``high``, which are numbers or broadcast to ``x``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Plane, y: Plane, cx: float, cy: float, sx: float, sy: float) -> Plane:
    """A Gaussian hill of height 1 about (cx, cy); cheap for a grid's row and column, whose product it is."""
    return np.exp(-(((x - cx) / sx) ** 2)) * np.exp(-(((y - cy) / sy) ** 2))


def to_bytes(picture: Float32[ndarray, "H W *channels"]) -> UInt8[ndarray, "H W *channels"]:
    """Round to whole levels and clip to 0..255."""
    return cv2.add(picture, (0, 0, 0, 0), dtype=cv2.CV_8U)
