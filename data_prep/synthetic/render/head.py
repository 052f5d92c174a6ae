"""The frontal head without eyes, brows and mouth: skin, relief, ears and hair, painted once per clip."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from data_prep.synthetic.identity import HAIR_STYLES, Identity
from data_prep.synthetic.render.anatomy import EYE_Y, MOUTH_Y, WARM, face_half_width, nose_y
from data_prep.synthetic.render.canvas import HALF, Grid, Plane, bump, step, texture_grid
from data_prep.synthetic.render.hair import paint_hair
from data_prep.synthetic.render.light import lambert
from data_prep.synthetic.scene import Scene


def paint_head(who: Identity, scene: Scene, n: int) -> UInt8[ndarray, "{n} {n} 4"]:
    """Premultiplied RGBA texture of the head."""
    grid, scale = texture_grid(n), n / (2 * HALF)
    ax, px = np.abs(grid.x), 1 / scale
    skin = (
        np.array(who.skin) * (lambert(_depth(who, grid), scale, scene.light) * _occlusion(who, grid))[..., None] ** WARM
    )
    blush = 0.12 * bump(ax, grid.y, 0.4, 0.28, 0.17, 0.15) + 0.08 * bump(grid.x, grid.y, 0.0, nose_y(who), 0.12, 0.1)
    skin *= 1 - blush[..., None] * np.array([0, 0.9, 0.8])
    face = step(face_half_width(who, grid.y) - ax, -px, px)[..., None]
    ear = step(1 - np.hypot((ax - who.face_width - 0.015) / 0.095, (grid.y - 0.06) / 0.19), -0.08, 0.08)[..., None]
    color, alpha = _ear_color(who, ax, grid.y) * (1 - face) + skin * face, np.maximum(ear, face)
    if HAIR_STYLES[who.hair_style] != "bald":
        hair = paint_hair(who, scene, grid, face[..., 0], scale)
        shadow = cv2.GaussianBlur(hair.cover, (0, 0), 0.05 * scale)[..., None]
        color = color * (1 - 0.35 * shadow) * (1 - hair.cover) + hair.color * hair.cover
        alpha = np.maximum(alpha, hair.cover)
    return np.rint(np.dstack([np.clip(color, 0, 255) * alpha, 255 * alpha])).astype(np.uint8)


def _depth(who: Identity, grid: Grid) -> Plane:
    """Height of the face towards the viewer."""
    x, y, ax, nose, gap = grid.x, grid.y, np.abs(grid.x), nose_y(who), who.eye_gap
    depth = 0.9 * np.sqrt(np.clip(1 - (x / (1.04 * who.face_width)) ** 2 - (y / 1.12) ** 2, 0.012, 1))
    ridge = np.exp(-((x / (0.06 + 0.05 * step(y, 0.0, nose))) ** 2))
    depth += 0.16 * ridge * step(y, EYE_Y - 0.2, nose) * (1 - step(y, nose, nose + 0.12))
    depth += 0.07 * bump(ax, y, who.nose_width * 0.8, nose, 0.06, 0.06)  # nostril wings
    depth += 0.05 * bump(x, y, 0.0, nose - 0.03, 0.09, 0.08)  # tip of the nose
    depth += -0.1 * bump(ax, y, gap, EYE_Y, 0.17, 0.11)  # eye sockets
    depth += 0.05 * bump(ax, y, gap, EYE_Y - 0.24, 0.22, 0.08)  # ridge of the brows
    depth += 0.05 * bump(ax, y, 0.42, 0.3, 0.2, 0.2)  # cheeks
    depth += 0.05 * bump(x, y, 0.0, MOUTH_Y, 0.28, 0.16)  # lips
    depth += 0.07 * bump(x, y, 0.0, 0.87 * who.face_height, 0.16, 0.1)  # chin
    return depth


def _occlusion(who: Identity, grid: Grid) -> Plane:
    """Light that reaches hollows, 0..1."""
    ax, y, nose = np.abs(grid.x), grid.y, nose_y(who)
    light = np.ones_like(y)
    light *= 1 - 0.28 * bump(ax, y, 0.0, nose + 0.09, who.nose_width, 0.05)  # under the nose
    light *= 1 - 0.1 * bump(ax, y, 0.0, MOUTH_Y + 0.17, 0.16, 0.05)  # under the lip
    light *= 1 - 0.42 * bump(ax, y, 0.45 * who.nose_width, nose + 0.045, 0.04, 0.025)  # nostrils
    light *= 1 - 0.18 * bump(ax, y, who.eye_gap - 0.02, EYE_Y - 0.03, 0.2, 0.1)  # around the eyes
    return light


def _ear_color(who: Identity, ax: Plane, y: Plane) -> Float[ndarray, "H W 3"]:
    hollow = 0.35 * bump(ax, y, who.face_width + 0.035, 0.05, 0.045, 0.1)
    return np.array(who.skin) * (0.8, 0.72, 0.68) * (1 - hollow)[..., None]
