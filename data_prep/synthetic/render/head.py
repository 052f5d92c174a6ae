"""The frontal head without eyes, brows and mouth: skin, relief, ears and hair, painted once per clip."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from data_prep.synthetic.identity import HAIR_STYLES, Identity
from data_prep.synthetic.render.anatomy import EYE_Y, MOUTH_Y, WARM, face_half_width, nose_y
from data_prep.synthetic.render.canvas import Grid, Plane, Window, bump, step, texture_grid, to_bytes
from data_prep.synthetic.render.hair import hair_extent, hair_grain, paint_hair
from data_prep.synthetic.render.light import lambert
from data_prep.synthetic.scene import Scene

_EAR_TINT = (0.8, 0.72, 0.68)
_BLUSH_TINT = (0.0, 0.9, 0.8)


def _head_window(who: Identity, n: int) -> Window:
    """The part of the texture outside which the head is transparent."""
    wide, top, bottom = who.face_width + 0.12, -1.0, who.face_height  # up to the ears
    if HAIR_STYLES[who.hair_style] != "bald":
        hair = hair_extent(who)
        wide, top, bottom = (max(wide, hair.half_width), min(top, hair.top), max(bottom, hair.bottom))
    texture = Window.whole(n)
    soft = 3 / texture.scale  # edges are soft
    return texture.part(-wide - soft, wide + soft, top - soft, bottom + soft)


def paint_head(who: Identity, scene: Scene, n: int) -> UInt8[ndarray, "{n} {n} 4"]:
    """Premultiplied RGBA texture of the head."""
    window, texture = _head_window(who, n), np.zeros((n, n, 4), np.uint8)
    window.of(texture)[:] = _paint_window(who, scene, n, window)
    return texture


def _paint_window(who: Identity, scene: Scene, n: int, window: Window) -> UInt8[ndarray, "H W 4"]:
    grid, scale = texture_grid(n).part(window), window.scale
    ax, px = np.abs(grid.x), 1 / scale
    face = step(face_half_width(who, grid.y) - ax, -px, px)
    ear = step(1 - np.hypot((ax - who.face_width - 0.015) / 0.095, (grid.y - 0.06) / 0.19), -0.08, 0.08)
    alpha, bare, hair = np.maximum(ear, face), 1.0, None
    if HAIR_STYLES[who.hair_style] != "bald":
        hair = paint_hair(who, scene, grid, face, window.of(hair_grain(who, n)), scale)
        bare = (1 - 0.35 * cv2.GaussianBlur(hair.cover, (0, 0), 0.05 * scale)) * (1 - hair.cover)
        alpha = np.maximum(alpha, hair.cover)
    log_light = np.log(lambert(_depth(who, grid), scale, scene.light) * _occlusion(who, grid))
    blush = 0.12 * bump(ax, grid.y, 0.4, 0.28, 0.17, 0.15) + 0.08 * bump(grid.x, grid.y, 0.0, nose_y(who), 0.12, 0.1)
    hollow = 1 - 0.35 * bump(ax, grid.y, who.face_width + 0.035, 0.05, 0.045, 0.1)  # of the ear
    on_face, on_ear = face * bare, hollow * (1 - face) * bare
    planes = []
    for channel, skin in enumerate(who.skin):
        lit = np.exp(WARM[channel] * log_light) * (1 - _BLUSH_TINT[channel] * blush)
        color = skin * (lit * on_face + _EAR_TINT[channel] * on_ear)
        if hair is not None:
            color += who.hair[channel] * hair.light * hair.cover
        planes.append(np.clip(color, 0, 255) * alpha)
    return to_bytes(cv2.merge([*planes, 255 * alpha]))


def _depth(who: Identity, grid: Grid) -> Plane:
    """Height of the face towards the viewer."""
    x, y, ax, nose, gap = grid.x, grid.y, np.abs(grid.x), nose_y(who), who.eye_gap
    depth = 0.9 * np.sqrt(np.clip(1 - (x / (1.04 * who.face_width)) ** 2 - (y / 1.12) ** 2, 0.012, 1))
    ridge = np.exp(-((x / (0.06 + 0.05 * step(y, 0.0, nose))) ** 2))
    depth += ridge * (0.16 * step(y, EYE_Y - 0.2, nose) * (1 - step(y, nose, nose + 0.12)))
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
    light = 1 - 0.28 * bump(ax, y, 0.0, nose + 0.09, who.nose_width, 0.05)  # under the nose
    light *= 1 - 0.1 * bump(ax, y, 0.0, MOUTH_Y + 0.17, 0.16, 0.05)  # under the lip
    light *= 1 - 0.42 * bump(ax, y, 0.45 * who.nose_width, nose + 0.045, 0.04, 0.025)  # nostrils
    light *= 1 - 0.18 * bump(ax, y, who.eye_gap - 0.02, EYE_Y - 0.03, 0.2, 0.1)  # around the eyes
    return light
