"""Hair: one dome with a hairline, a fall and a grain, in five styles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from data_prep.synthetic.identity import HAIR_STYLES, Identity
from data_prep.synthetic.render.canvas import HALF, Grid, Plane, bump, step
from data_prep.synthetic.render.light import lambert
from data_prep.synthetic.scene import Scene

_FALL = {"short": 0.12, "parted": 0.2, "long": 1.28, "bob": 0.72, "afro": 0.3}  # height of the tips
_EXTRA_VOLUME = {"short": -0.03, "afro": 0.17, "parted": 0.02, "long": 0.02, "bob": 0.02}


@dataclass(frozen=True)
class Hair:
    """What ``paint_hair`` gives."""

    cover: Float[ndarray, "H W"]
    """Opacity, 0..1."""
    light: Float[ndarray, "H W"]
    """Brightness relative to the color of the hair."""


@dataclass(frozen=True)
class HairExtent:
    """A box that holds all hair, in face units."""

    half_width: float
    top: float
    bottom: float


def hair_extent(who: Identity) -> HairExtent:
    """Where the hair of a speaker who is not bald can show."""
    dome = _Dome.of(who)
    return HairExtent(1.1 * dome.rx + 0.05, dome.cy - dome.ry, dome.fall + 0.25)


@dataclass(frozen=True)
class _Dome:
    """Outer shape of the hair: an ellipse about (0, cy), cut off at the height ``fall``."""

    rx: float
    ry: float
    cy: float
    fall: float

    @staticmethod
    def of(who: Identity) -> _Dome:
        style = HAIR_STYLES[who.hair_style]
        volume = who.hair_volume + _EXTRA_VOLUME[style]
        return _Dome(who.face_width + volume, 0.88 + volume, -0.16, _FALL[style])


def paint_hair(who: Identity, scene: Scene, grid: Grid, face: Plane, grain: Plane, scale: float) -> Hair:
    """Paint the hair of a speaker who is not bald.

    Args:
        who: the speaker.
        scene: gives the light.
        grid: coordinates of the pixels to paint.
        face: opacity of the face, 0..1.
        grain: the part of ``hair_grain`` at these pixels.
        scale: pixels a face unit.
    """
    x, y, ax, px = grid.x, grid.y, np.abs(grid.x), 1.5 / scale
    style, shape = HAIR_STYLES[who.hair_style], _Dome.of(who)
    rx, ry, cy, fall, hangs = shape.rx, shape.ry, shape.cy, shape.fall, shape.fall > 0.5
    ripple = (0.02 if style == "afro" else 0.006) * grain
    dome = rx * np.sqrt(np.clip(1 - ((y - cy) / ry) ** 2, 0, 1))
    edge = np.where((y > cy) & hangs, rx * (1 + 0.06 * (y - cy)), np.where(dome > 0, dome, np.float32(-1)))
    line = who.hairline + 0.14 * (style == "bob") + 0.18 * x * (style == "parted") + 0.55 * (ax / who.face_width) ** 4
    behind = (1 - face) * (step(ax, 0.43, 0.49) if hangs else 1.0)
    cover = step(edge - ax + ripple, -px, px) * np.maximum(step(line + ripple - y, -0.02, 0.03), behind)
    cover = cover * step(fall + 0.04 * grain - y, -0.05, 0.05)
    round_ = 0.9 * np.sqrt(np.clip(1 - (x / (1.1 * rx)) ** 2 - ((y - cy) / (1.1 * ry)) ** 2, 0.01, 1))
    shine = 0.22 * bump(x, y, 0.3 * scene.light, -0.72, 0.6, 0.12)
    light = 0.58 + 0.35 * lambert(round_, scale, scene.light) + 0.09 * grain + shine
    return Hair(cover, light)


def hair_grain(who: Identity, n: int) -> Float32[ndarray, "{n} {n}"]:
    """Streaks along the locks over the n x n texture, unit variance; the same for every clip of a speaker."""
    scale = n / (2 * HALF)
    along = 0.03 if HAIR_STYLES[who.hair_style] == "afro" else 0.16
    grain = np.random.default_rng(int(-1e4 * who.hairline)).standard_normal((n, n)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=0.018 * scale, sigmaY=along * scale)
    return grain / grain.std()
