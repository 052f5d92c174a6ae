"""Exact places of face points in the frame: texture points pushed through the pose of the renderer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.render.anatomy import EYE_Y, Lips, nose_y
from data_prep.synthetic.render.canvas import HALF
from data_prep.synthetic.render.renderer import FaceRenderer
from data_prep.synthetic.render.warp import seen_to_frame, texture_to_seen

LANDMARKS = (
    "eye_left",
    "eye_right",
    "nose_tip",
    "mouth_left",
    "mouth_right",
    "lip_upper_outer",
    "lip_upper_inner",
    "lip_lower_inner",
    "lip_lower_outer",
    "chin",
)
"""Names of the landmarks; left and right as the viewer sees them, lips in the middle of the mouth."""
MOUTH_MARGIN = 0.04
"""Added to the lips on each side of the mouth box for blur, in face units (1.1 pixels of a 64-pixel face crop)."""


def landmarks(renderer: FaceRenderer, state: Float32[ndarray, "F 12"]) -> Float32[ndarray, "F 10 2"]:
    """The points ``LANDMARKS`` (x, y) of every frame, as fractions of the frame's sides."""
    lips = [renderer.lips(row) for row in state]
    points = np.stack([_points(renderer.identity, each) for each in lips])
    return _seen(renderer, state, lips, points).astype(np.float32)


def mouth_boxes(renderer: FaceRenderer, state: Float32[ndarray, "F 12"]) -> Float32[ndarray, "F 4"]:
    """The box (x0, y0, x1, y1) around the lips of every frame, as fractions of the frame's sides, clipped to 0..1."""
    margin = MOUTH_MARGIN * renderer.zoom / (2 * HALF) * np.array([-1, -1, 1, 1])
    lips = [renderer.lips(row) for row in state]
    seen = _seen(renderer, state, lips, np.stack([_outline(each) for each in lips]))
    boxes = np.concatenate([seen.min(1), seen.max(1)], axis=1) + margin
    return np.clip(boxes, 0, 1).astype(np.float32)


def _seen(
    renderer: FaceRenderer, state: Float32[ndarray, "F 12"], lips: list[Lips], points: Float[ndarray, "F K 2"]
) -> Float[ndarray, "F K 2"]:
    poses = [renderer.pose(row, each) for row, each in zip(state, lips, strict=True)]
    return seen_to_frame(texture_to_seen(points, poses), renderer.zoom)


def _outline(lips: Lips) -> Float[ndarray, "34 2"]:
    return np.column_stack([np.tile(lips.x, 2), np.concatenate([lips.upper_outer, lips.lower_outer])])


def _points(who: Identity, lips: Lips) -> Float[ndarray, "10 2"]:
    middle = len(lips.x) // 2
    return np.array(
        [
            (-who.eye_gap, EYE_Y),
            (who.eye_gap, EYE_Y),
            (0, nose_y(who) - 0.03),
            (lips.x[0], lips.upper_inner[0]),
            (lips.x[-1], lips.upper_inner[-1]),
            (0, lips.upper_outer[middle]),
            (0, lips.upper_inner[middle]),
            (0, lips.lower_inner[middle]),
            (0, lips.lower_outer[middle]),
            (0, who.face_height),
        ]
    )
