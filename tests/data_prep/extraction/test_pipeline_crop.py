from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.extraction.crop import Crop, apply_crop, to_crop
from data_prep.extraction.crop_methods import Given, face_boxes, find_crop, moving_median, stable_crop
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig
from lt_bench.errors import FaceError


def moving_face(seed: int, frames: int = 40, size: float = 100, travel: float = 15) -> np.ndarray:
    """Points of a face that wanders smoothly by a few times ``travel`` pixels."""
    rng = np.random.default_rng(seed)
    face = rng.random((60, 2)) * size
    path = np.cumsum(rng.normal(0, travel / 8, (frames, 2)), axis=0) + rng.uniform(50, 200, 2)
    return (face[None] + path[:, None]).astype(np.float32)


@given(st.integers(0, 10_000), st.floats(50, 400))
@settings(deadline=None, max_examples=40)
def test_the_crop_is_a_square_of_whole_pixels_that_holds_every_landmark(seed: int, size: float):
    points = moving_face(seed, size=size)
    crop = stable_crop(points)
    x0, y0, x1, y1 = crop.box
    assert x1 - x0 == y1 - y0 == crop.side
    inside = to_crop(points, crop)
    assert inside.min() > 0
    assert inside.max() < 1
    # The face fills between a third and 90% of the crop: neither lost in it nor cut.
    assert 0.33 < np.ptp(inside, axis=(0, 1)).max() < 0.9


@given(st.integers(0, 10_000), st.integers(-50, 50), st.integers(-50, 50))
@settings(deadline=None, max_examples=25)
def test_the_crop_follows_a_shift_of_the_whole_clip(seed: int, dx: int, dy: int):
    points = moving_face(seed).round()
    crop = stable_crop(points)
    assert stable_crop(points + np.float32([dx, dy])) == Crop(crop.x + dx, crop.y + dy, crop.side)


def test_one_wrong_detection_does_not_move_the_crop():
    points = moving_face(3)
    wrong = points.copy()
    wrong[17] += 300
    steady = stable_crop(points)
    moved = stable_crop(wrong)
    assert abs(moved.side - steady.side) <= 0.1 * steady.side
    assert abs(moved.x - steady.x) + abs(moved.y - steady.y) <= 0.1 * steady.side


def test_frames_without_a_face_are_left_out():
    points = moving_face(4)
    gaps = points.copy()
    gaps[[0, 20, 21]] = np.nan
    assert len(face_boxes(gaps)) == 37
    assert abs(stable_crop(gaps).side - stable_crop(points).side) < 5


def test_unusable_faces_are_refused_with_a_reason():
    with pytest.raises(FaceError, match="none in any frame"):
        stable_crop(np.full((5, 60, 2), np.nan))
    with pytest.raises(FaceError, match=r"at least 32 px high, got 2\d px"):
        stable_crop(moving_face(0, size=25))
    cut = moving_face(5, frames=60)
    cut[30:, :, 0] += 400
    with pytest.raises(RejectionError, match=r"stays in place, got one that moves over \d") as caught:
        stable_crop(cut)
    assert caught.value.rule.name == "travel"
    assert caught.value.value is not None
    assert caught.value.value > 2.5


def test_moving_median_against_a_plain_loop():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    expected = [np.median(rows[[min(max(i + d, 0), 11) for d in (-2, -1, 0, 1, 2)]], axis=0) for i in range(12)]
    np.testing.assert_allclose(moving_median(rows, 5), expected)


@pytest.mark.parametrize("crop", [Crop(20, 10, 64), Crop(-20, -12, 128), Crop(60, 40, 96)])
def test_a_mark_in_the_picture_is_where_to_crop_says(crop: Crop):
    frame = np.full((120, 160, 3), 30, np.uint8)
    frame[60:64, 70:74] = 250
    cut = apply_crop(frame, crop, 256)
    rows, columns = np.nonzero(cut[..., 0] > 140)
    found = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / 256
    np.testing.assert_allclose(found, to_crop(np.array([72.0, 62.0]), crop), atol=0.006)


def test_beyond_the_picture_its_border_is_repeated():
    frame = np.tile(np.arange(100, dtype=np.uint8)[:, None, None], (1, 100, 3))
    cut = apply_crop(frame, Crop(-50, -50, 200), 200)
    assert cut.shape == (200, 200, 3)
    assert (cut[:50] == 0).all()
    assert (cut[150:] == 99).all()
    np.testing.assert_array_equal(cut[50:150, 10], frame[:, 0])
    with pytest.raises(FaceError, match="touches"):
        apply_crop(frame, Crop(100, 0, 20), 64)


def test_shrinking_averages_pixels():
    frame = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    cut = apply_crop(frame, Crop(0, 0, 64), 32)
    expected = frame.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(cut - expected).max() <= 1


def test_a_turned_crop_shows_its_marks_where_to_crop_says():
    frame = np.full((200, 240, 3), 30, np.uint8)
    frame[98:104, 138:144] = 250
    crop = Crop(60, 40, 120, roll=30)
    cut = apply_crop(frame, crop, 240)
    rows, columns = np.nonzero(cut[..., 0] > 140)
    found = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / 240
    np.testing.assert_allclose(found, to_crop(np.array([141.0, 101.0]), crop), atol=0.01)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    np.testing.assert_allclose(to_crop(crop.corners, crop), square, atol=1e-6)
    # 30 degrees clockwise: the upper edge runs down to the right.
    edge = crop.corners[1] - crop.corners[0]
    np.testing.assert_allclose(np.degrees(np.arctan2(edge[1], edge[0])), 30)


@given(st.floats(-40, 40))
@settings(deadline=None, max_examples=20)
def test_the_ffhq_crop_sets_the_eyes_level_whatever_the_head_s_roll(roll: float):
    points = np.zeros((478, 2))
    points[[33, 133, 263, 362]] = [(-50, 0), (-20, 0), (50, 0), (20, 0)]
    points[[61, 291]] = [(-25, 70), (25, 70)]
    points[[10, 152, 234, 454]] = [(0, -60), (0, 110), (-70, 20), (70, 20)]
    angle = np.radians(roll)
    turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + 400
    crop = find_crop(np.repeat(turned[None], 12, axis=0), CropConfig(method="ffhq"))
    assert crop.roll == pytest.approx(roll, abs=0.02)
    inside = to_crop(turned, crop)
    assert inside[33, 1] == pytest.approx(inside[263, 1], abs=0.01)
    assert inside[[33, 263, 61, 291], 0].mean() == pytest.approx(0.5, abs=0.02)
    # |eyes| = 70 and |eyes to mouth| = 70: the side is 2 * max(2.0 * 70, 1.8 * 70).
    assert crop.side == 280


def test_the_window_of_a_list_is_scaled_to_the_picture_and_must_hold_the_face():
    points = moving_face(1, size=100, travel=4)
    centre = points.reshape(-1, 2).mean(axis=0)
    window = CropConfig(method="window")
    given = Given(x=centre[0] / 2 - 80, y=centre[1] / 2 - 80, side=160, reference=360)
    crop = find_crop(points, window, given, height=720)
    assert crop.side == 320
    np.testing.assert_allclose([crop.x + 160, crop.y + 160], centre, atol=1.5)
    with pytest.raises(RejectionError, match="outside"):
        find_crop(points, window, Given(x=0, y=0, side=10, reference=360), height=720)
    with pytest.raises(RejectionError, match="0 lines"):
        find_crop(points, window, Given(problem="expected a reference resolution, got 0 lines"), height=720)
    with pytest.raises(RejectionError, match="got none"):
        find_crop(points, CropConfig(method="ratio"), None, height=720)


def test_the_ratio_of_a_list_enlarges_the_union_about_its_centre():
    points = moving_face(2)
    plain = find_crop(points, CropConfig(method="ratio"), Given(ratio=1.0))
    larger = find_crop(points, CropConfig(method="ratio"), Given(ratio=1.2))
    assert larger.side == pytest.approx(1.2 * plain.side, abs=1)
    assert larger.x + larger.side / 2 == pytest.approx(plain.x + plain.side / 2, abs=1)
