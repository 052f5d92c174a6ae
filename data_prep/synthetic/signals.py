"""Smooth random signals over time, and colours."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

RGB = tuple[float, float, float]
"""A colour, each channel in 0..255."""


def to_rgb(color: Float[ndarray, " 3"]) -> RGB:
    """Clip a colour to 0..255."""
    red, green, blue = np.clip(color, 0, 255).tolist()
    return red, green, blue


def smooth(x: Float[ndarray, "T C"], sigma: float) -> Float[ndarray, "T C"]:
    """Gaussian smoothing along time; ``sigma`` in steps, the ends repeated."""
    size = (1, int(6 * sigma + 2) | 1)
    line = np.ascontiguousarray(x, np.float64)
    return cv2.GaussianBlur(line, size, sigmaX=1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)


def wander(rng: np.random.Generator, steps: int, sigma: float) -> Float[ndarray, " steps"]:
    """Smooth noise of about unit variance, softly bounded to +-2.3; ``sigma`` is its correlation time in steps."""
    pad = int(4 * sigma)
    noise = smooth(rng.standard_normal((steps + 2 * pad, 1)), sigma)[pad : pad + steps, 0]
    return 2.3 * np.tanh(noise * np.sqrt(2 * np.sqrt(np.pi) * sigma) / 2)
