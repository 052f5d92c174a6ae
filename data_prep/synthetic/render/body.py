"""Backdrop, neck and shirt, painted once per clip."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import WARM
from data_prep.synthetic.render.canvas import HALF, bump, frame_grid, step, to_bytes
from data_prep.synthetic.scene import Scene

_THROAT_TOP = 0.3  # nothing of the body lies above this height


def paint_backdrop(scene: Scene, zoom: float, size: int) -> UInt8[ndarray, "{size} {size} 3"]:
    """A vertical gradient with three soft blotches."""
    rng, grid = np.random.default_rng([707, scene.seed]), frame_grid(size, zoom)
    fall = step(grid.y, -1.3, 1.5)
    ends = zip(scene.top, scene.bottom, strict=True)
    planes = [np.repeat(top + (bottom - top) * fall, size, axis=1) for top, bottom in ends]
    for _ in range(3):
        cx, cy, sx, sy = *rng.uniform(-1.4, 1.4, 2).tolist(), *rng.uniform(0.3, 0.8, 2).tolist()
        blotch = bump(grid.x, grid.y, cx, cy, sx, sy)
        for plane, tint in zip(planes, rng.uniform(-30, 30, 3).tolist(), strict=True):
            plane += blotch * tint
    return to_bytes(cv2.merge(planes))


def paint_body(who: Identity, scene: Scene, n: int, zoom: float, size: int) -> UInt8[ndarray, "{size} {size} 4"]:
    """Premultiplied RGBA of neck and shoulders; painted at n x n, returned at ``size``."""
    grid, samples = frame_grid(n, zoom), n // size
    top = min(int(np.searchsorted(grid.y[:, 0], _THROAT_TOP)) // samples, size - 1)
    x, y, ax, px = grid.x, grid.y[top * samples :], np.abs(grid.x), 1.5 * 2 * HALF / n
    neck = 0.62 * who.face_width * (0.8 + 0.25 * who.jaw)
    below = y - (1.17 + 0.42 * step(ax, 0.2, 1.6))  # the collar
    throat = step(neck + 0.25 * step(y, 1.0, 1.5) ** 2 - ax, -px, px) * step(y, _THROAT_TOP, 0.4)
    neckline = step((ax / (1.02 * neck)) ** 2 + ((y - 1.1) / 0.22) ** 2, 0.94, 1.06)
    shirt = step(below, -px, px) * neckline * step(1.42 - ax, -px, px)
    side = np.clip(0.78 - 0.25 * (x / neck) ** 2 + 0.15 * scene.light * x / neck, 0.3, 1)
    shade = 0.62 + 0.38 * step(y, 0.95, 1.3)  # the chin's shadow
    hem = 1 - 0.35 * (1 - step(below, 0.0, 0.12)) * (1 - step(ax, 0.3, 0.8))
    fold = (0.95 - 0.3 * (ax / 1.4) ** 2 + 0.12 * scene.light * x) * hem
    alpha = np.maximum(throat, shirt)
    bare, cloth = alpha * (1 - shirt), alpha * fold * shirt
    planes = [
        skin * side**warm * shade**warm * bare + fabric * cloth
        for skin, fabric, warm in zip(who.skin, scene.shirt, WARM, strict=True)
    ]
    body = np.zeros((size, size, 4), np.uint8)
    painted = cv2.merge([*planes, 255 * alpha])
    body[top:] = to_bytes(cv2.resize(painted, (size, size - top), interpolation=cv2.INTER_AREA))
    return body
