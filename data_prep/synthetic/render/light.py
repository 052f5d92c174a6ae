"""Shading of a relief by one light from above."""

from __future__ import annotations

import math

import numpy as np

from data_prep.synthetic.render.canvas import Plane


def lambert(depth: Plane, scale: float, light: float) -> Plane:
    """Brightness 0.42 .. 1.04 of a surface given by its depth.

    Args:
        depth: height towards the viewer, in face units.
        scale: pixels a face unit.
        light: horizontal direction of the light, as in ``Scene.light``.
    """
    gy, gx = np.gradient(depth, 1 / scale)
    length = math.hypot(light, 0.45, 0.85)
    lx, ly, lz = light / length, -0.45 / length, 0.85 / length
    return 0.42 + 0.62 * np.clip((lz - gx * lx - gy * ly) / np.sqrt(gx**2 + gy**2 + 1), 0, 1)
