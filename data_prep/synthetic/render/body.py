"""Backdrop, neck and shirt, painted once per clip."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import WARM
from data_prep.synthetic.render.canvas import HALF, bump, frame_grid, step
from data_prep.synthetic.scene import Scene


def paint_backdrop(scene: Scene, n: int, zoom: float, size: int) -> Float32[ndarray, "{size} {size} 3"]:
    """A vertical gradient with three soft blotches; painted at n x n, given at ``size``."""
    rng, grid = np.random.default_rng([707, scene.seed]), frame_grid(n, zoom)
    back = np.array(scene.top) + np.subtract(scene.bottom, scene.top) * step(grid.y, -1.3, 1.5)[..., None]
    for _ in range(3):
        blotch = bump(grid.x, grid.y, *rng.uniform(-1.4, 1.4, 2), *rng.uniform(0.3, 0.8, 2))
        back = back + blotch[..., None] * rng.uniform(-30, 30, 3)
    return _shrink(np.clip(back, 0, 255), size)


def paint_body(who: Identity, scene: Scene, n: int, zoom: float, size: int) -> Float32[ndarray, "{size} {size} 4"]:
    """Premultiplied colour (0..255) and opacity (0..1) of neck and shoulders."""
    grid = frame_grid(n, zoom)
    x, y, ax, px = grid.x, grid.y, np.abs(grid.x), 1.5 * 2 * HALF / n
    neck = 0.62 * who.face_width * (0.8 + 0.25 * who.jaw)
    collar = 1.17 + 0.42 * step(ax, 0.2, 1.6)
    throat = step(neck + 0.25 * step(y, 1.0, 1.5) ** 2 - ax, -px, px) * step(y, 0.3, 0.4)
    neckline = step((ax / (1.02 * neck)) ** 2 + ((y - 1.1) / 0.22) ** 2, 0.94, 1.06)
    shirt = step(y - collar, -px, px) * neckline * step(1.42 - ax, -px, px)
    side = np.clip(0.78 - 0.25 * (x / neck) ** 2 + 0.15 * scene.light * x / neck, 0.3, 1)
    side = side * (0.62 + 0.38 * step(y, 0.95, 1.3))  # the chin's shadow
    hem = 1 - 0.35 * (1 - step(y - collar, 0.0, 0.12)) * (1 - step(ax, 0.3, 0.8))
    fold = (0.95 - 0.3 * (ax / 1.4) ** 2 + 0.12 * scene.light * x) * hem
    skin: Float[ndarray, "H W 3"] = np.array(who.skin) * side[..., None] ** WARM
    color = skin * (1 - shirt[..., None]) + np.array(scene.shirt) * (fold * shirt)[..., None]
    alpha = np.maximum(throat, shirt)[..., None]
    return _shrink(np.dstack([color * alpha, alpha]), size)


def _shrink(layer: Float[ndarray, "H W C"], size: int) -> Float32[ndarray, "{size} {size} C"]:
    return cv2.resize(layer.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
