"""Eyes, lids, brows and glasses, painted for every frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import ARC, EYE_Y
from data_prep.synthetic.render.canvas import Canvas, Curve
from data_prep.synthetic.scene import Scene

_CLOSED = 0.97  # from this blink on, nothing of the eyeball shows


def paint_eye(who: Identity, scene: Scene, head: Canvas, sign: int, state: Mapping[str, float]) -> None:
    """Paint one eye and its brow.

    Args:
        who: the speaker.
        scene: gives the light.
        head: the whole texture of the head.
        sign: -1 for the eye at image left, 1 for that at image right.
        state: blink, brow, gaze_x and gaze_y, as in ``performance.STATE``.
    """
    blink, brow, skin = state["blink"], state["brow"], np.array(who.skin)
    tall, centre, arch, tilt = 0.52 * who.eye_size, sign * who.eye_gap, 1 - ARC**2, 0.012 * sign * ARC
    x = centre + who.eye_size * ARC
    lower = EYE_Y + 0.6 * tall * arch - tilt
    lid = EYE_Y - (1 + 0.12 * brow) * tall * arch - tilt
    upper = lid + blink * (lower - lid)
    if blink < _CLOSED:
        _paint_eyeball(who, scene, head, centre, x, upper, lower, (state["gaze_x"], state["gaze_y"]))
    head.stroke(x, lower, skin * (0.66, 0.54, 0.5))
    head.stroke(x, lid - 0.035 - 0.01 * brow + 0.4 * blink * tall, skin * (0.68, 0.58, 0.54))
    head.stroke(x, upper, skin * 0.2, max(1, round(0.024 * head.scale)))
    _paint_brow(who, head, sign, brow)


def _paint_eyeball(
    who: Identity,
    scene: Scene,
    head: Canvas,
    centre: float,
    x: Curve,
    upper: Curve,
    lower: Curve,
    gaze: tuple[float, float],
) -> None:
    a, tall = who.eye_size, 0.52 * who.eye_size
    view = head.window(centre - a - 0.03, centre + a + 0.03, EYE_Y - 1.5 * tall, EYE_Y + 1.2 * tall)
    pixels = view.image
    ball = Canvas(np.full(pixels.shape, (228, 224, 220, 255), np.uint8), view.scale, view.left, view.top)
    mask = Canvas(np.zeros(pixels.shape[:2], np.uint8), view.scale, view.left, view.top)
    iris_x, iris_y, iris = centre + 0.3 * a * gaze[0], EYE_Y + tall * (0.35 * gaze[1] - 0.15), 0.58 * a
    ball.disc(iris_x, iris_y, iris, 0.5 * np.array(who.eye))  # the iris' dark rim
    ball.disc(iris_x, iris_y, 0.82 * iris, who.eye)
    ball.disc(iris_x, iris_y, 0.45 * iris, (14, 12, 12))
    ball.disc(iris_x + float(np.sign(scene.light)) * 0.4 * iris, iris_y + -0.35 * iris, 0.2 * iris, (250, 250, 250))
    mask.fill(x, upper, lower, (255, 255, 255))
    shadow = np.linspace(0.72, 1.08, len(pixels), dtype=np.float32).clip(0, 1)[:, None, None]  # of the lid
    opacity = (mask.image * np.float32(1 / 255))[..., None]
    pixels[..., :3] = (pixels + (ball.image * shadow - pixels) * opacity + 0.5)[..., :3]


def _paint_brow(who: Identity, head: Canvas, sign: int, raised: float) -> None:
    centre = sign * who.eye_gap
    patch = head.window(centre - 0.26, centre + 0.26, EYE_Y - 0.46, EYE_Y - 0.1)
    t = sign * ARC  # from the nose outwards
    y = EYE_Y - 0.17 - 0.075 * raised - 0.05 * (1 - (ARC - 0.1) ** 2) + who.brow_tilt * ARC
    half = who.brow_thickness * (0.3 + 0.5 * (1 - (0.5 + 0.5 * ARC) ** 2))
    patch.fill(
        centre + 1.35 * who.eye_size * t, y - half, y + half, 0.7 * np.array(who.hair) + 0.12 * np.array(who.skin)
    )
    patch.soften(5)


def paint_glasses(who: Identity, head: Canvas) -> None:
    """Paint a dark frame."""
    ink, line, turn = (28, 26, 30), max(1, round(0.028 * head.scale)), np.linspace(0, 2 * np.pi, 25)
    cos, sin = (np.sign(v) * np.abs(v) ** 0.7 for v in (np.cos(turn), np.sin(turn)))
    bridge = (who.eye_gap - 0.235) * np.linspace(-1, 1, 5)
    for sign in (-1, 1):
        head.stroke(sign * who.eye_gap + 0.235 * cos, EYE_Y + 0.02 + 0.18 * sin, ink, line)
        temple = sign * np.array([who.eye_gap + 0.235, who.face_width])
        head.stroke(temple, np.array([EYE_Y, EYE_Y - 0.02]), ink, line)
    head.stroke(bridge, EYE_Y - 0.03 + 3 * bridge**2, ink, line)
