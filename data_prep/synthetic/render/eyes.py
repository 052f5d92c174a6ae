"""Eyes, lids, brows and glasses, painted for every frame."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import ARC, EYE_Y
from data_prep.synthetic.render.canvas import Window
from data_prep.synthetic.render.compose import blend_into
from data_prep.synthetic.render.draw import Curve, Image, curves, disc, fill, ink, outlines, soften, stroke
from data_prep.synthetic.scene import Scene

_CLOSED = 0.97  # from this blink on, nothing of the eyeball shows
_WHITE = (228, 224, 220, 255)


class EyePainter:
    """Paints one eye and its brow; everything that depends on the speaker alone is prepared once."""

    def __init__(self, who: Identity, scene: Scene, texture: Window, sign: int) -> None:
        """Prepare an eye.

        Args:
            who: the speaker.
            scene: gives the light.
            texture: the whole texture of the head.
            sign: -1 for the eye at image left, 1 for that at image right.
        """
        self._texture, self._tall, arch, skin = texture, 0.52 * who.eye_size, 1 - ARC**2, np.array(who.skin)
        center, tilt = sign * who.eye_gap, 0.012 * sign * ARC
        self._x = center + who.eye_size * ARC
        self._lower = EYE_Y + 0.6 * self._tall * arch - tilt
        self._lid, self._lift = EYE_Y - self._tall * arch - tilt, 0.12 * self._tall * arch
        self._columns = texture.columns(self._x)
        self._lower_lid = curves(self._columns, texture.rows(self._lower))
        self._lower_ink, self._crease_ink = ink(skin * (0.66, 0.54, 0.5)), ink(skin * (0.68, 0.58, 0.54))
        self._lash_ink, self._lash = ink(skin * 0.2), max(1, round(0.024 * texture.scale))
        self._eyeball = _Eyeball(who, scene, texture, center, self._x, self._lower)
        self._brow = _Brow(who, texture, sign)

    def paint(self, head: Image, blink: float, brow: float, gaze: tuple[float, float]) -> None:
        """Paint on the whole texture of the head; the state is as in ``performance.STATE``."""
        lid = self._lid - brow * self._lift
        upper = lid + blink * (self._lower - lid)
        if blink < _CLOSED:
            self._eyeball.paint(head, upper, gaze)
        crease = lid + (0.4 * blink * self._tall - 0.035 - 0.01 * brow)
        stroke(head, self._lower_lid, self._lower_ink)
        stroke(head, curves(self._columns, self._texture.rows(crease)), self._crease_ink)
        stroke(head, curves(self._columns, self._texture.rows(upper)), self._lash_ink, self._lash)
        self._brow.paint(head, brow)


class _Eyeball:
    """White, iris, pupil and glint, seen between the lids."""

    def __init__(self, who: Identity, scene: Scene, texture: Window, center: float, x: Curve, lower: Curve) -> None:
        a, tall = who.eye_size, 0.52 * who.eye_size
        self._tall = tall
        self._window = texture.part(center - a - 0.03, center + a + 0.03, EYE_Y - 1.5 * tall, EYE_Y + 1.2 * tall)
        self._center, self._reach, self._iris = center, 0.3 * a, 0.58 * a
        self._columns, self._lower = self._window.columns(x), self._window.rows(lower)
        self._white = np.full((*self._window.shape, 4), _WHITE, np.uint8)
        self._shadow = _lid_shadow(*self._window.shape)
        self._glint = float(np.sign(scene.light)) * 0.4 * self._iris
        self._rim_ink, self._iris_ink = ink(0.5 * np.array(who.eye)), ink(who.eye)

    def paint(self, head: Image, upper: Curve, gaze: tuple[float, float]) -> None:
        """Paint what shows below the upper lid."""
        window, ball, opening = self._window, self._white.copy(), np.zeros(self._window.shape, np.uint8)
        iris_x, iris_y = self._center + self._reach * gaze[0], EYE_Y + self._tall * (0.35 * gaze[1] - 0.15)
        column, row, radius = window.columns(iris_x), window.rows(iris_y), 16 * window.scale * self._iris
        disc(ball, column, row, radius, self._rim_ink)
        disc(ball, column, row, 0.82 * radius, self._iris_ink)
        disc(ball, column, row, 0.45 * radius, ink((14, 12, 12)))
        glint = window.columns(iris_x + self._glint), window.rows(iris_y - 0.35 * self._iris)
        disc(ball, *glint, 0.2 * radius, ink((250, 250, 250)))
        fill(opening, outlines(self._columns, window.rows(upper), self._lower), ink((255, 255, 255)))
        blend_into(window.of(head), cv2.multiply(ball, self._shadow, scale=1 / 255), opening)


def _lid_shadow(height: int, width: int) -> UInt8[ndarray, "{height} {width} 4"]:
    """Light on the eyeball below the upper lid, 0..255; opacity stays."""
    light = np.full((height, width, 4), 255, np.uint8)
    light[..., :3] = np.rint(255 * np.linspace(0.72, 1.08, height).clip(0, 1))[:, None, None]
    return light


class _Brow:
    """A brow, which only moves up and down."""

    def __init__(self, who: Identity, texture: Window, sign: int) -> None:
        center = sign * who.eye_gap
        self._window = texture.part(center - 0.26, center + 0.26, EYE_Y - 0.46, EYE_Y - 0.1)
        x = center + 1.35 * who.eye_size * sign * ARC  # from the nose outwards
        y = EYE_Y - 0.17 - 0.05 * (1 - (ARC - 0.1) ** 2) + who.brow_tilt * ARC
        half = who.brow_thickness * (0.3 + 0.5 * (1 - (0.5 + 0.5 * ARC) ** 2))
        self._columns = self._window.columns(x)
        self._upper, self._lower = self._window.rows(y - half), self._window.rows(y + half)
        self._ink = ink(0.7 * np.array(who.hair) + 0.12 * np.array(who.skin))

    def paint(self, head: Image, raised: float) -> None:
        """Paint the brow; ``raised`` as in ``performance.STATE``."""
        patch, up = self._window.of(head), 0.075 * raised * 16 * self._window.scale
        fill(patch, outlines(self._columns, self._upper - up, self._lower - up), self._ink)
        soften(patch, 5)


class GlassesPainter:
    """Paints a dark frame."""

    def __init__(self, who: Identity, texture: Window) -> None:
        turn = np.linspace(0, 2 * np.pi, 25)
        cos, sin = (np.sign(v) * np.abs(v) ** 0.7 for v in (np.cos(turn), np.sin(turn)))
        bridge = (who.eye_gap - 0.235) * np.linspace(-1, 1, 5)
        lines = [(bridge, EYE_Y - 0.03 + 3 * bridge**2)]
        for sign in (-1, 1):
            temple = sign * np.array([who.eye_gap + 0.235, who.face_width])
            lines.append((sign * who.eye_gap + 0.235 * cos, EYE_Y + 0.02 + 0.18 * sin))
            lines.append((temple, np.array([EYE_Y, EYE_Y - 0.02])))
        self._lines = [curves(texture.columns(x), texture.rows(y)) for x, y in lines]
        self._thickness = max(1, round(0.028 * texture.scale))

    def paint(self, head: Image) -> None:
        """Paint on the whole texture of the head."""
        for line in self._lines:
            stroke(head, line, ink((28, 26, 30)), self._thickness)
