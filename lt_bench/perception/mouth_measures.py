"""Measures of the mouth from a face track; lengths are in units of the distance between the outer eye corners."""

from __future__ import annotations

import numpy as np

from lt_bench.perception.faces import FaceTrack
from lt_bench.shapes import Float

LEFT_EYE, RIGHT_EYE = 33, 263  # outer corners, on the image's left and right of a frontal face
UPPER_INNER, LOWER_INNER = 13, 14
UPPER_OUTER, LOWER_OUTER = 0, 17
LEFT_INNER, RIGHT_INNER = 78, 308
LEFT_OUTER, RIGHT_OUTER = 61, 291
NOSE_TIP, CHIN = 1, 152
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Points around the lips, clockwise from the image's left corner."""

JAW_OPEN, MOUTH_CLOSE, MOUTH_FUNNEL, MOUTH_PUCKER = 25, 27, 32, 38
LOWER_DOWN, UPPER_UP = (34, 35), (48, 49)  # left and right

MOUTH_MEASURES = (
    "inner_gap",
    "outer_gap",
    "inner_width",
    "outer_width",
    "inner_area",
    "jaw_drop",
    "jaw_open",
    "mouth_close",
    "mouth_pucker",
    "mouth_funnel",
    "lower_lip_down",
    "upper_lip_up",
)
"""Columns of ``mouth_measures``: six of geometry, six of MediaPipe's blendshapes (left and right averaged)."""

BOX_MARGIN = 0.25


def mouth_measures(track: FaceTrack) -> Float[np.ndarray, "F 12"]:
    """Compute the twelve measures of each frame; NaN without a face.

    Gaps, widths and the distance of the chin from the tip of the nose are in eye distances, the area between the inner
    lips in squared eye distances, and blendshapes are 0..1.
    """
    points, shapes = track.landmarks[..., :2].astype(np.float64), track.blendshapes
    eyes = _distance(points, LEFT_EYE, RIGHT_EYE)
    columns = [
        _distance(points, UPPER_INNER, LOWER_INNER) / eyes,
        _distance(points, UPPER_OUTER, LOWER_OUTER) / eyes,
        _distance(points, LEFT_INNER, RIGHT_INNER) / eyes,
        _distance(points, LEFT_OUTER, RIGHT_OUTER) / eyes,
        _area(points[:, INNER_LIPS]) / eyes**2,
        _distance(points, NOSE_TIP, CHIN) / eyes,
        shapes[:, JAW_OPEN],
        shapes[:, MOUTH_CLOSE],
        shapes[:, MOUTH_PUCKER],
        shapes[:, MOUTH_FUNNEL],
        shapes[:, LOWER_DOWN].mean(axis=1),
        shapes[:, UPPER_UP].mean(axis=1),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def mouth_opening(track: FaceTrack) -> Float[np.ndarray, " F"]:
    """Compute the gap between the inner lips (13, 14) over the eye distance (33, 263); NaN without a face."""
    points = track.landmarks[..., :2].astype(np.float64)
    gap = _distance(points, UPPER_INNER, LOWER_INNER) / _distance(points, LEFT_EYE, RIGHT_EYE)
    return gap.astype(np.float32)


def mouth_boxes(points: Float[np.ndarray, "F 478 xy"]) -> Float[np.ndarray, "F 4"]:
    """Return x0, y0, x1, y1 around the outer lips, in the unit of ``points``; NaN without a face.

    Each side is moved out by a quarter of the mouth's width, so that the lips stay inside during motion.
    """
    lips = points[:, OUTER_LIPS, :2]
    low, high = lips.min(axis=1), lips.max(axis=1)
    margin = BOX_MARGIN * (high - low)[:, :1]
    return np.concatenate([low - margin, high + margin], axis=1).astype(np.float32)


def _distance(points: np.ndarray, a: int, b: int) -> np.ndarray:
    return np.linalg.norm(points[:, a] - points[:, b], axis=-1)


def _area(polygon: np.ndarray) -> np.ndarray:
    """Apply the shoelace formula over (F, corners, 2); self-crossing outlines count signed parts, at least 0."""
    following = np.roll(polygon, -1, axis=1)
    cross = polygon[..., 0] * following[..., 1] - polygon[..., 1] * following[..., 0]
    return np.maximum(cross.sum(axis=1) / 2, 0)
