"""One speaker in one scene: anti-aliased, shaded 2.5D faces (numpy and OpenCV only)."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.performance import STATE, Performance
from data_prep.synthetic.render.anatomy import Lips, lip_curves
from data_prep.synthetic.render.body import paint_backdrop, paint_body
from data_prep.synthetic.render.canvas import HALF, Canvas
from data_prep.synthetic.render.eyes import paint_eye, paint_glasses
from data_prep.synthetic.render.head import paint_head
from data_prep.synthetic.render.mouth import paint_mouth
from data_prep.synthetic.render.warp import Pose, texture_lookup
from data_prep.synthetic.scene import Scene

FACE_CROP = 1.3
"""The zoom that crops to the face; 1 shows head and shoulders."""
_SWAY = 0.35  # share of the head's shift that the body follows

StateRow = Float32[ndarray, " 12"]


class FaceRenderer:
    """Renders frames; whatever does not move is painted once, then warped by the pose of the head."""

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
        self._n, self._scale = n, n / (2 * HALF)
        self._head = paint_head(identity, scene, n)
        self._backdrop = paint_backdrop(scene, n, zoom, size)
        self._body = paint_body(identity, scene, n, zoom, size)

    def lips(self, row: StateRow) -> Lips:
        """The lips of one frame, in texture coordinates."""
        return lip_curves(self.identity, float(row[0]), float(row[1]), float(row[2]))

    def pose(self, row: StateRow) -> Pose:
        """The pose of one frame."""
        return Pose.from_state(row, hinge=float(self.lips(row).lower_outer.max()))

    def frame(self, row: StateRow) -> UInt8[ndarray, "size size 3"]:
        """Render one row of ``Performance.state`` as RGB."""
        lookup = texture_lookup(self.pose(row), self._n, self.zoom)
        head = cv2.remap(self._paint_face(row), lookup, None, cv2.INTER_LINEAR)  # pyright: ignore[reportCallIssue, reportArgumentType]
        head = cv2.resize(head, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.float32)
        body = self._swayed_body(row)
        base = self._backdrop * (1 - body[..., 3:]) + body[..., :3]
        over = base * (1 - head[..., 3:] * np.float32(1 / 255)) + head[..., :3]
        return np.minimum(over + np.float32(0.5), 255).astype(np.uint8)

    def frames(self, performance: Performance) -> UInt8[ndarray, "F size size 3"]:
        """Render a whole performance as RGB."""
        return np.stack([self.frame(row) for row in performance.state])

    def portrait(self) -> UInt8[ndarray, "size size 3"]:
        """The reference picture: frontal, eyes open, mouth closed."""
        return self.frame(np.zeros(len(STATE), np.float32))

    def _paint_face(self, row: StateRow) -> UInt8[ndarray, "n n 4"]:
        head = Canvas(self._head.copy(), self._scale)
        state: dict[str, float] = dict(zip(STATE, map(float, row), strict=True))
        for sign in (-1, 1):
            paint_eye(self.identity, self.scene, head, sign, state)
        if self.identity.glasses:
            paint_glasses(self.identity, head)
        paint_mouth(self.identity, head, self.lips(row))
        return head.image

    def _swayed_body(self, row: StateRow) -> Float32[ndarray, "size size 4"]:
        shift = [float(row[STATE.index(name)]) for name in ("tx", "ty")]
        sway = _SWAY * self.zoom * self.size / (2 * HALF) * np.array(shift)
        move = np.column_stack([np.eye(2), sway])
        return cv2.warpAffine(self._body, move, (self.size, self.size), borderMode=cv2.BORDER_REPLICATE)
