"""Where things are on a face, in face units; shared by the painters, the warp and the landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from data_prep.synthetic.identity import Identity

EYE_Y, MOUTH_Y = -0.04, 0.54
ARC = np.linspace(-1, 1, 17)
"""The parameter of every painted curve, from image left to image right."""
WARM = (0.9, 1.08, 1.15)
"""Exponent of the shading in red, green and blue: shadows on skin turn red."""


# Parts of the lips' curves that are the same for every posture.
_T = np.abs(ARC)
_T3, _REST = _T**3, MOUTH_Y - 0.012 * _T**2
_BOW = 1 - 0.22 * np.exp(-((_T / 0.16) ** 2))
_UPPER, _LOWER = 1 - _T**1.7, 1 - _T**2.2


def nose_y(who: Identity) -> float:
    """Height of the nose's base."""
    return EYE_Y + who.nose_length + 0.06


def face_half_width(who: Identity, y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Half-width of the face at a height, negative above and below it."""
    w, low = who.face_width, np.clip(y / who.face_height, 0, 1)
    chin = w * np.sqrt(np.clip(1 - low ** (2 + 1.3 * who.jaw), 0, 1)) * (1 - 0.1 * low)
    half = np.where(y < 0, w * np.sqrt(np.clip(1 - y**2, 0, 1)), chin)
    return np.where(half > 0, half, -1)


@dataclass(frozen=True)
class Lips:
    """The curves of the lips over ``x``, before jaw drop and pose."""

    x: Float[ndarray, " 17"]
    upper_outer: Float[ndarray, " 17"]
    upper_inner: Float[ndarray, " 17"]
    lower_inner: Float[ndarray, " 17"]
    lower_outer: Float[ndarray, " 17"]
    arch: Float[ndarray, " 17"]
    """1 in the middle, 0 at the corners."""
    gap: float
    """Height of the opening in the middle."""
    fullness: float


@lru_cache(maxsize=256)  # a clip's frames, landmarks and mouth boxes ask for the same postures
def lip_curves(who: Identity, opening: float, width: float, rounding: float) -> Lips:
    """The lips of one speaker for one mouth posture; the gap is 0.32 opening^1.25."""
    gap = 0.32 * max(opening, 0.0) ** 1.25
    x = who.mouth_width * (1 + 0.2 * width) * (1 - 0.4 * rounding) * ARC
    full = who.lip_fullness * (1 + 0.45 * rounding)
    arch = 1 - _T ** (2.6 - 0.5 * rounding)
    corner = _REST - 0.012 * max(width, 0.0) * _T3
    upper_inner, lower_inner = corner - 0.2 * gap * arch, corner + 0.8 * gap * arch
    upper_outer = upper_inner - 0.062 * full * _BOW * _UPPER
    lower_outer = lower_inner + 0.082 * full * _LOWER
    return Lips(x, upper_outer, upper_inner, lower_inner, lower_outer, arch, gap, full)
