"""One speaker in one scene: anti-aliased, shaded 2.5D faces (numpy and OpenCV only)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.performance import STATE, Performance
from data_prep.synthetic.render.anatomy import Lips, lip_curves
from data_prep.synthetic.render.body import paint_backdrop, paint_body
from data_prep.synthetic.render.canvas import HALF, Window
from data_prep.synthetic.render.compose import lay_over
from data_prep.synthetic.render.eyes import EyePainter, GlassesPainter
from data_prep.synthetic.render.head import paint_head
from data_prep.synthetic.render.mouth import MouthPainter
from data_prep.synthetic.render.warp import Pose, texture_lookup
from data_prep.synthetic.scene import Scene

FACE_CROP = 1.3
"""The zoom that crops to the face; 1 shows head and shoulders."""
_SWAY = 0.35  # share of the head's shift that the body follows
_EYES = [STATE.index(name) for name in ("blink", "brow", "gaze_x", "gaze_y")]
_SHIFT = [STATE.index(name) for name in ("tx", "ty")]

StateRow = Float32[ndarray, " 12"]


class FaceRenderer:
    """Renders frames; static parts are painted once, then warped by the pose of the head."""

    def __init__(self, identity: Identity, scene: Scene, size: int, zoom: float = FACE_CROP) -> None:
        """Paint what does not move.

        Args:
            identity: the speaker.
            scene: backdrop, shirt and light.
            size: side of the frames in pixels, a multiple of 4.
            zoom: 1 shows head and shoulders, 1.3 crops to the face.
        """
        self.identity, self.scene, self.size, self.zoom = identity, scene, size, zoom
        n = size * (3 if size <= 64 else 2)  # supersampled
        self._n, texture = n, Window.whole(n)
        self._head = paint_head(identity, scene, n)
        self._eyes = [EyePainter(identity, scene, texture, sign) for sign in (-1, 1)]
        self._glasses = GlassesPainter(identity, texture) if identity.glasses else None
        self._mouth = MouthPainter(identity, texture)
        self._backdrop = paint_backdrop(scene, zoom, size)
        self._body = paint_body(identity, scene, n, zoom, size)
        self._body_top = int(np.argmax(self._body[..., 3].any(axis=1)))

    def lips(self, row: StateRow) -> Lips:
        """The lips of one frame, in texture coordinates."""
        return lip_curves(self.identity, float(row[0]), float(row[1]), float(row[2]))

    @staticmethod
    def pose(row: StateRow, lips: Lips) -> Pose:
        """The pose of one frame, whose lips are given."""
        return Pose.from_state(row, hinge=float(lips.lower_outer.max()))

    def frame(self, row: StateRow) -> UInt8[ndarray, "size size 3"]:
        """Render one row of ``Performance.state`` as RGB."""
        lips = self.lips(row)
        lookup = texture_lookup(self.pose(row, lips), self._n, self.zoom)
        head = cv2.remap(self._paint_face(row, lips), lookup, None, cv2.INTER_LINEAR)  # pyright: ignore[reportCallIssue, reportArgumentType]
        head = cv2.resize(head, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return lay_over(head, self._behind(row))

    def frames(self, performance: Performance) -> UInt8[ndarray, "F size size 3"]:
        """Render a whole performance as RGB."""
        return np.stack([self.frame(row) for row in performance.state])

    def portrait(self) -> UInt8[ndarray, "size size 3"]:
        """The reference picture: frontal, eyes open, mouth closed."""
        return self.frame(np.zeros(len(STATE), np.float32))

    def _paint_face(self, row: StateRow, lips: Lips) -> UInt8[ndarray, "n n 4"]:
        head, blink, brow, gaze_x, gaze_y = self._head.copy(), *row[_EYES].tolist()
        for eye in self._eyes:
            eye.paint(head, blink, brow, (gaze_x, gaze_y))
        if self._glasses is not None:
            self._glasses.paint(head)
        self._mouth.paint(head, lips)
        return head

    def _behind(self, row: StateRow) -> UInt8[ndarray, "size size 3"]:
        """Backdrop and body, which sways with the head."""
        pixels = _SWAY * self.zoom * self.size / (2 * HALF)
        dx, dy = (pixels * shift for shift in row[_SHIFT].tolist())
        top = min(max(self._body_top - math.ceil(abs(dy)) - 1, 0), self.size - 1)
        move, box = np.array([[1, 0, dx], [0, 1, dy]]), (self.size, self.size - top)
        body = cv2.warpAffine(self._body[top:], move, box, borderMode=cv2.BORDER_REPLICATE)
        picture = self._backdrop.copy()
        picture[top:] = lay_over(body, picture[top:])
        return picture
