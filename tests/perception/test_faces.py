from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lt_bench.errors import AssetError
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import BLENDSHAPES, FaceLandmarker, matrix_to_pose


@pytest.fixture(scope="module")
def frames(assets: Path) -> np.ndarray:
    return read_frames(assets / "grid-sample" / "bbaf2n.mpg", max_frames=5)


@pytest.fixture
def landmarker(mirror: Path):
    with FaceLandmarker() as found:
        yield found


def test_a_real_face_is_found_where_it_is(frames: np.ndarray, landmarker: FaceLandmarker):
    track = landmarker.track(frames)
    assert track.landmarks.shape == (5, 478, 3)
    assert track.blendshapes.shape == (5, BLENDSHAPES)
    assert track.found.all()
    assert track.counts.tolist() == [1] * 5
    nose = track.landmarks[:, 1, :2]
    assert np.abs(nose - [160, 193]).max() < 8  # read off the picture by eye
    assert np.abs(track.pose).max() < 0.25
    assert 0 <= track.blendshapes.min() <= track.blendshapes.max() <= 1


def test_mirroring_flips_yaw_and_roll_but_not_pitch(frames: np.ndarray, landmarker: FaceLandmarker):
    tilted = [_rotate(frame, 12) for frame in frames[:2]]
    plain, mirrored = landmarker.track(tilted), landmarker.track([frame[:, ::-1] for frame in tilted])
    np.testing.assert_allclose(mirrored.pose * [-1, 1, -1], plain.pose, atol=0.04)
    assert (plain.pose[:, 2] > 0.1).all()
    np.testing.assert_allclose(360 - mirrored.landmarks[:, 1, 0], plain.landmarks[:, 1, 0], atol=1.5)


def _rotate(frame: np.ndarray, clockwise: float) -> np.ndarray:
    height, width = frame.shape[:2]
    # OpenCV's positive angle is counterclockwise as seen on the screen.
    matrix = cv2.getRotationMatrix2D((162, 170), -clockwise, 1)
    return cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def test_turning_the_picture_clockwise_adds_to_roll(frames: np.ndarray, landmarker: FaceLandmarker):
    track = landmarker.track([frames[0], _rotate(frames[0], 15), _rotate(frames[0], -15)])
    np.testing.assert_allclose(track.pose[1:, 2] - track.pose[0, 2], np.radians([15, -15]), atol=0.04)


@given(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.floats(-1.2, 1.2), st.floats(0.5, 3))
@settings(deadline=None, max_examples=50)
def test_pose_against_scipy(yaw: float, pitch: float, roll: float, scale: float):
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.from_euler("YXZ", [yaw, pitch, -roll]).as_matrix()
    np.testing.assert_allclose(matrix_to_pose(matrix), [yaw, pitch, roll], atol=1e-5)
    forward = Rotation.from_matrix(matrix[:3, :3] / scale).apply([0, 0, 1])
    # The nose points to the image's right for yaw > 0 and down for pitch > 0 (the camera's y is up).
    assert np.sign(round(forward[0], 6)) == np.sign(round(np.sin(yaw) * np.cos(pitch), 6))
    assert np.sign(round(-forward[1], 6)) == np.sign(round(np.sin(pitch), 6))


def test_frames_are_independent_of_each_other_and_of_memory_layout(frames: np.ndarray, landmarker: FaceLandmarker):
    together = landmarker.track(frames)
    alone = landmarker.track(frames[3:4])
    np.testing.assert_array_equal(together.landmarks[3], alone.landmarks[0])
    wide = np.zeros((288, 400, 3), np.uint8)
    wide[:, :360] = frames[3]
    strided = landmarker.track([wide[:, :360]])
    np.testing.assert_array_equal(strided.landmarks, alone.landmarks)


def test_a_small_frame_gives_coordinates_in_its_own_pixels(frames: np.ndarray, landmarker: FaceLandmarker):
    crop = np.ascontiguousarray(frames[0][80:280, 60:260])
    small = cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA)
    large = landmarker.track([crop]).landmarks[0, :, :2]
    track = landmarker.track([small])
    assert track.found.all()
    assert np.abs(track.landmarks[0, :, :2] * 200 / 64 - large).mean() < 2.5


def test_no_face_is_nan_and_the_frames_around_it_stay(frames: np.ndarray, landmarker: FaceLandmarker):
    track = landmarker.track([frames[0], np.full_like(frames[0], 90), frames[1]])
    assert track.found.tolist() == [True, False, True]
    assert track.counts.tolist() == [1, 0, 1]
    for part in (track.landmarks, track.blendshapes, track.pose):
        assert np.isnan(part[1]).all()
        assert np.isfinite(part[[0, 2]]).all()
    assert len(landmarker.track([]).found) == 0


def test_of_two_faces_the_larger_is_followed(frames: np.ndarray, mirror: Path):
    face = frames[0][30:, 40:290]
    small = cv2.resize(face, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    pair = np.full((270, 460, 3), 120, np.uint8)
    pair[4 : 4 + face.shape[0], 200 : 200 + face.shape[1]] = face
    pair[60 : 60 + small.shape[0], 20 : 20 + small.shape[1]] = small
    with FaceLandmarker(max_faces=2) as landmarker:
        track = landmarker.track([pair, pair])
        assert landmarker.hash != _hash(1)
    assert track.counts.tolist() == [2, 2]
    assert (track.landmarks[:, 1, 0] > 200).all()


def test_where_one_face_is_looked_for_the_choice_is_mediapipes_in_every_frame_anew(mirror: Path):
    paths = [mirror / "grid-sample" / f"{name}.mpg" for name in ("bbaf2n", "lbbc2a")]
    first, second = (read_frames(path, max_frames=1)[0] for path in paths)
    pair, swapped = np.hstack([first, second]), np.hstack([second, first])
    with FaceLandmarker() as one, FaceLandmarker(max_faces=2) as two:
        chosen, followed = one.track([pair, swapped, pair]), two.track([pair, swapped, pair])
    assert chosen.counts.tolist() == [1, 1, 1]
    assert (chosen.landmarks[:, 1, 0] > 360).tolist() == [True, False, True]  # the same person, wherever he is
    assert followed.counts.tolist() == [2, 2, 2]
    assert len(set((followed.landmarks[:, 1, 0] > 360).tolist())) == 1  # the same place, whoever is there


def _hash(max_faces: int) -> str:
    with FaceLandmarker(max_faces) as landmarker:
        return landmarker.hash


def test_wrong_frames_are_refused(landmarker: FaceLandmarker):
    with pytest.raises(ValueError, match="uint8"):
        landmarker.track(iter([np.zeros((300, 300, 3), np.float32)]))
    with pytest.raises(ValueError, match="height, width, 3"):
        landmarker.track(iter([np.zeros((300, 300), np.uint8)]))


def test_missing_weights_are_an_error_that_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    with pytest.raises(AssetError, match=r"face_landmarker\.task"):
        FaceLandmarker()


def test_native_chatter_is_held_back_and_our_words_are_not(mirror: Path, capfd: pytest.CaptureFixture[str]):
    import os

    from lt_bench.perception.native_libraries import without_native_noise

    with without_native_noise():
        os.write(2, b"W0000 00:00:1795389677.830486   21506 face_landmarker_graph.cc:181] Sets ...\n")
        os.write(2, b"E0000 00:00:1795389677.830486   21506 graph.cc:1] broken\nour own words\n")
    with FaceLandmarker() as landmarker:
        landmarker.track([np.zeros((256, 256, 3), np.uint8)])
    error = capfd.readouterr().err
    assert error.splitlines() == [
        "E0000 00:00:1795389677.830486   21506 graph.cc:1] broken",
        "our own words",
    ]
