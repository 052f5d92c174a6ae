"""Landmarks and mouth boxes of synthetic clips are where the renderer painted."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.synthetic import LANDMARKS, STATE
from data_prep.synthetic.identity import Identity
from data_prep.synthetic.landmarks import landmarks, mouth_boxes
from data_prep.synthetic.performance import Performance
from data_prep.synthetic.render.canvas import HALF
from data_prep.synthetic.render.renderer import FaceRenderer
from data_prep.synthetic.render.warp import Pose, seen_to_frame, texture_lookup, texture_to_seen
from data_prep.synthetic.scene import Scene

ZOOM = 1.3


def state_row(**values: float) -> np.ndarray:
    row = np.zeros(len(STATE), np.float32)
    for name, value in values.items():
        row[STATE.index(name)] = value
    return row


def renderer(seed: int, size: int = 64, **identity: object) -> FaceRenderer:
    return FaceRenderer(dataclasses.replace(Identity.sample(seed), **identity), Scene.sample(seed), size, ZOOM)


@pytest.mark.parametrize("seed", range(6))
def test_the_painted_lips_fill_the_mouth_box(seed: int) -> None:
    size = 128
    green = renderer(seed, size, lip=(0.0, 255.0, 0.0))
    state = Performance.sample(seed, 60).state[::12]
    boxes = mouth_boxes(green, state) * size
    plain = renderer(seed, size, lip=(0.0, 0.0, 0.0))
    for row, (x0, y0, x1, y1) in zip(state, boxes, strict=True):
        difference = np.abs(green.frame(row).astype(int) - plain.frame(row)).max(-1)
        ys, xs = np.nonzero(difference > 12)
        assert x0 <= xs.min() + 0.5
        assert xs.max() + 0.5 <= x1
        assert y0 <= ys.min() + 0.5
        assert ys.max() + 0.5 <= y1
        assert max(xs.min() - x0, x1 - xs.max(), ys.min() - y0, y1 - ys.max()) < 5  # pixels: the box is not loose


def test_the_mouth_box_follows_a_shift_of_the_head_exactly() -> None:
    face = renderer(1)
    rest, moved = mouth_boxes(face, np.stack([state_row(), state_row(tx=0.1, ty=-0.05)]))
    np.testing.assert_allclose(moved - rest, np.array([0.1, -0.05, 0.1, -0.05]) * ZOOM / (2 * HALF), atol=1e-6)


@pytest.mark.parametrize(("name", "axis", "sign"), [("yaw", 0, 1), ("pitch", 1, 1)])
def test_turning_moves_the_mouth_and_more_so_the_nose(name: str, axis: int, sign: int) -> None:
    rest, turned = landmarks(renderer(2), np.stack([state_row(), state_row(**{name: 0.2})]))
    moved = sign * (turned - rest)[:, axis]
    mouth, nose = moved[LANDMARKS.index("lip_upper_inner")], moved[LANDMARKS.index("nose_tip")]
    assert 0.01 < mouth < nose


def test_rolling_turns_the_line_of_the_eyes_clockwise() -> None:
    points = landmarks(renderer(3), state_row(roll=0.15)[None])[0]
    across = points[LANDMARKS.index("eye_right")] - points[LANDMARKS.index("eye_left")]
    assert np.arctan2(across[1], across[0]) == pytest.approx(0.15, abs=1e-5)


def test_opening_parts_the_lips_and_lowers_the_chin() -> None:
    closed, opened = landmarks(renderer(4), np.stack([state_row(), state_row(opening=1.0)]))
    inner = [LANDMARKS.index("lip_upper_inner"), LANDMARKS.index("lip_lower_inner")]
    assert np.ptp(closed[inner, 1]) == pytest.approx(0, abs=1e-6)
    assert np.ptp(opened[inner, 1]) == pytest.approx(0.32 * ZOOM / (2 * HALF), abs=1e-3)
    chin = LANDMARKS.index("chin")
    assert opened[chin, 1] - closed[chin, 1] > 0.03


@settings(max_examples=40, deadline=None)
@given(
    yaw=st.floats(-0.35, 0.35),
    pitch=st.floats(-0.2, 0.2),
    roll=st.floats(-0.2, 0.2),
    shift=st.floats(-0.1, 0.1),
    drop=st.floats(0, 0.13),
    x=st.floats(-0.5, 0.5),
    y=st.floats(-0.5, 0.95),
)
def test_pushing_a_point_through_the_pose_inverts_the_lookup(
    yaw: float, pitch: float, roll: float, shift: float, drop: float, x: float, y: float
) -> None:
    n, point = 256, np.array([[[x, y]]])
    pose = Pose(yaw, pitch, roll, shift, shift / 2, drop, hinge=0.7)
    seen = seen_to_frame(texture_to_seen(point, [pose]), ZOOM)[0, 0] * n - 0.5
    texel = cv2.remap(texture_lookup(pose, n, ZOOM), np.float32([[seen[0]]]), np.float32([[seen[1]]]), cv2.INTER_LINEAR)
    expected = (point[0, 0] + HALF) / (2 * HALF) * n - 0.5
    np.testing.assert_allclose(texel[0, 0], expected, atol=1.0)


def test_pupils_are_dark_at_the_eye_landmarks() -> None:
    face = renderer(6, 128, glasses=False, eye=(70.0, 44.0, 28.0))
    row = state_row(yaw=0.15, roll=0.1)
    frame, points = face.frame(row), landmarks(face, row[None])[0] * 128
    for name in ("eye_left", "eye_right"):
        x, y = points[LANDMARKS.index(name)]
        assert frame[int(y) - 3 : int(y) + 2, int(x) - 2 : int(x) + 3].min() < 60
