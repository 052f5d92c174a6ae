from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lt_bench.media.video import read_frames
from lt_bench.perception.faces import FaceLandmarker, FaceTrack
from lt_bench.perception.mouth_measures import (
    INNER_LIPS,
    MOUTH_MEASURES,
    OUTER_LIPS,
    mouth_boxes,
    mouth_measures,
    mouth_opening,
)


def track_of(points: np.ndarray) -> FaceTrack:
    frames = len(points)
    shapes = np.tile(np.arange(52, dtype=np.float32) / 100, (frames, 1))
    return FaceTrack(points, shapes, np.zeros((frames, 3)), np.ones(frames, bool), np.ones(frames, int))


def drawn_face(gap: float) -> np.ndarray:
    """Lips as a rectangle of 4 x ``gap`` pixels, eyes 10 pixels apart."""
    points = np.zeros((1, 478, 3), np.float32)
    points[0, 33, :2], points[0, 263, :2] = (0, 0), (10, 0)
    points[0, 1, :2], points[0, 152, :2] = (5, 5), (5, 15)
    for lips, reach in ((INNER_LIPS, 0.0), (OUTER_LIPS, 1.0)):
        half = len(lips) // 2
        x = np.linspace(3 - reach, 7 + reach, half + 1)
        points[0, lips[: half + 1], 0] = x
        points[0, lips[half:], 0] = x[::-1][: len(lips) - half]
        points[0, lips[1:half], 1] = 10 - gap / 2 - reach
        points[0, lips[half + 1 :], 1] = 10 + gap / 2 + reach
        points[0, [lips[0], lips[half]], 1] = 10
    return points


def test_measures_of_a_drawn_mouth():
    values = dict(zip(MOUTH_MEASURES, mouth_measures(track_of(drawn_face(2)))[0], strict=True))
    assert len(values) == 12
    assert values["inner_gap"] == pytest.approx(0.2)
    assert values["outer_gap"] == pytest.approx(0.4)
    assert values["inner_width"] == pytest.approx(0.4)
    assert values["outer_width"] == pytest.approx(0.6)
    assert 0.06 < values["inner_area"] < 0.08
    assert values["jaw_drop"] == pytest.approx(1.0)
    assert values["jaw_open"] == pytest.approx(0.25)
    assert values["lower_lip_down"] == pytest.approx(0.345)
    assert values["upper_lip_up"] == pytest.approx(0.485)


def test_measures_do_not_change_with_the_size_of_the_face():
    small, large = drawn_face(2), drawn_face(2) * 7 + 3
    np.testing.assert_allclose(mouth_measures(track_of(small)), mouth_measures(track_of(large)), rtol=1e-4)


def test_a_frame_without_a_face_is_nan_throughout():
    points = np.concatenate([drawn_face(2), np.full((1, 478, 3), np.nan, np.float32)])
    track = track_of(points)
    track.blendshapes[1] = np.nan
    assert np.isnan(mouth_measures(track)[1]).all()
    assert np.isnan(mouth_opening(track)).tolist() == [False, True]
    assert np.isnan(mouth_boxes(points[..., :2])[1]).all()


def test_the_box_holds_the_lips_with_a_quarter_of_their_width_around():
    np.testing.assert_allclose(mouth_boxes(drawn_face(2)[..., :2]), [[0.5, 6.5, 9.5, 13.5]])


def test_a_real_speaker_opens_and_closes_the_mouth(mirror: Path):
    frames = read_frames(mirror / "grid-sample" / "sbia1a.mpg")[[0, 37]]  # shut, and wide open, as seen by eye
    with FaceLandmarker() as landmarker:
        track = landmarker.track(frames)
    shut, wide = mouth_opening(track)
    assert shut < 0.03
    assert wide > 0.12
    named = {name: mouth_measures(track)[:, i] for i, name in enumerate(MOUTH_MEASURES)}
    np.testing.assert_array_equal(named["inner_gap"], mouth_opening(track))
    assert named["jaw_open"][1] > named["jaw_open"][0] + 0.1
    assert named["inner_area"][1] > 4 * named["inner_area"][0]


def test_the_names_of_blendshapes_are_those_of_mediapipe(mirror: Path):
    import mediapipe

    from lt_bench.perception import mouth_measures as mouth

    frame = read_frames(mirror / "grid-sample" / "sbia1a.mpg", max_frames=1)[0]
    with FaceLandmarker() as landmarker:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        names = [shape.category_name for shape in landmarker._landmarker.detect(image).face_blendshapes[0]]
    used = {name: names[getattr(mouth, name)] for name in ("JAW_OPEN", "MOUTH_CLOSE", "MOUTH_FUNNEL", "MOUTH_PUCKER")}
    assert used == {
        "JAW_OPEN": "jawOpen",
        "MOUTH_CLOSE": "mouthClose",
        "MOUTH_FUNNEL": "mouthFunnel",
        "MOUTH_PUCKER": "mouthPucker",
    }
    assert [names[i] for i in mouth.LOWER_DOWN] == ["mouthLowerDownLeft", "mouthLowerDownRight"]
    assert [names[i] for i in mouth.UPPER_UP] == ["mouthUpperUpLeft", "mouthUpperUpRight"]
