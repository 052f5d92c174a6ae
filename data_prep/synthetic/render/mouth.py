"""Lips, teeth and tongue, painted for every frame."""

from __future__ import annotations

import numpy as np

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import MOUTH_Y, Lips
from data_prep.synthetic.render.canvas import Canvas

_OPEN = 0.012  # from this gap on the inside of the mouth shows


def paint_mouth(who: Identity, head: Canvas, lips: Lips) -> None:
    """Paint the mouth on the whole texture of the head."""
    color, x, upper, lower, full = np.array(who.lip), lips.x, lips.upper_inner, lips.lower_inner, lips.fullness
    patch = head.window(-0.46, 0.46, MOUTH_Y - 0.24, MOUTH_Y + 0.5)
    patch.fill(x, lips.upper_outer, upper, color * 0.86)
    patch.fill(x, lower, lips.lower_outer, color)
    shine = lower + 0.45 * (lips.lower_outer - lower)
    patch.fill(0.5 * x, shine - 0.013 * full * lips.arch, shine + 0.013 * full * lips.arch, 0.8 * color + 46)
    patch.soften(3)
    if lips.gap > _OPEN:
        teeth = np.minimum(upper + 0.068, upper + 0.62 * (lower - upper))
        tongue = lower - 0.42 * max(lips.gap - 0.08, 0.0) * lips.arch
        patch.fill(0.96 * x, upper, lower, (58, 20, 22))
        patch.fill(0.88 * x, upper, teeth, (222, 216, 206))
        patch.fill(0.7 * x, tongue, lower, (158, 74, 76))
    else:
        patch.stroke(0.97 * x, (upper + lower) / 2, color * 0.4)
