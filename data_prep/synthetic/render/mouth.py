"""Lips, teeth and tongue, painted for every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import MOUTH_Y, Lips
from data_prep.synthetic.render.canvas import Window
from data_prep.synthetic.render.draw import Curve, Image, Ink, curves, fill, ink, outlines, soften, stroke

_OPEN = 0.012  # from this gap on the inside of the mouth shows
_LIPS = np.array([[1.0], [1.0], [0.5]])  # width of upper lip, lower lip and shine
_INSIDE = np.array([[0.96], [0.88], [0.7]])  # width of cavity, teeth and tongue
_INSIDE_INKS = ink((58, 20, 22)), ink((222, 216, 206)), ink((158, 74, 76))


class MouthPainter:
    """Paints the mouth; everything that depends on the speaker alone is prepared once."""

    def __init__(self, who: Identity, texture: Window) -> None:
        color = np.array(who.lip)
        self._window = texture.part(-0.46, 0.46, MOUTH_Y - 0.24, MOUTH_Y + 0.5)
        self._inks, self._seam = (ink(color * 0.86), ink(color), ink(0.8 * color + 46)), ink(color * 0.4)

    def paint(self, head: Image, lips: Lips) -> None:
        """Paint on the whole texture of the head."""
        x, upper, lower, window = lips.x, lips.upper_inner, lips.lower_inner, self._window
        patch, shine = window.of(head), lower + 0.45 * (lips.lower_outer - lower)
        glow = 0.013 * lips.fullness * lips.arch
        tops, bottoms = [lips.upper_outer, lower, shine - glow], [upper, lips.lower_outer, shine + glow]
        self._fill(patch, _LIPS * x, tops, bottoms, self._inks)
        soften(patch, 3)
        if lips.gap > _OPEN:
            teeth = np.minimum(upper + 0.068, upper + 0.62 * (lower - upper))
            tongue = lower - 0.42 * max(lips.gap - 0.08, 0.0) * lips.arch
            self._fill(patch, _INSIDE * x, [upper, upper, tongue], [lower, teeth, lower], _INSIDE_INKS)
        else:
            stroke(patch, curves(window.columns(0.97 * x), window.rows((upper + lower) / 2)), self._seam)

    def _fill(self, patch: Image, x: Curve, tops: list[Curve], bottoms: list[Curve], inks: Sequence[Ink]) -> None:
        """Fill areas, each between two curves; the points of all are found at once, which is cheaper."""
        window = self._window
        areas = outlines(window.columns(x), window.rows(np.array(tops)), window.rows(np.array(bottoms)))
        for area, color in zip(areas, inks, strict=True):
            fill(patch, area, color)
