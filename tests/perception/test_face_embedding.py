"""Face alignment against dlib's own, and embeddings that tell real people apart."""

from __future__ import annotations

import itertools
import pickle
from functools import cache
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.errors import AssetError, FaceError
from lt_bench.media.video import read_frames
from lt_bench.perception.face_embedding import POINTS, SIDE, DlibFaceEmbedder, align_face, similarity
from lt_bench.perception.faces import FaceLandmarker

SAME_MAN = ("pwij3p", "id2_vcd_swwp2s")
CLIPS = (*SAME_MAN, "bbaf2n", "lwbsza", "swiz3n")


@pytest.fixture
def faces(mirror: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Two frames of each clip, and their landmarks."""
    return find_faces(mirror)


@cache
def find_faces(mirror: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    with FaceLandmarker() as landmarker:
        for name in CLIPS:
            frames = read_frames(mirror / "grid-sample" / f"{name}.mpg", max_frames=50)[[5, 45]]
            found[name] = (frames, landmarker.track(frames).landmarks)
    return found


def test_distances_tell_people_apart(faces: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    embedder = DlibFaceEmbedder()
    people = {
        name: [embedder.embed(frame, points) for frame, points in zip(*both, strict=True)]
        for name, both in faces.items()
    }
    assert people["bbaf2n"][0].shape == (128,)
    assert people["bbaf2n"][0].dtype == np.float32

    def distances(a: str, b: str) -> list[float]:
        return [float(np.linalg.norm(x - y)) for x in people[a] for y in people[b]]

    same_clip = [float(np.linalg.norm(np.subtract(*pair))) for pair in people.values()]
    pairs = set(itertools.combinations(CLIPS, 2)) - {SAME_MAN}
    different = [distance for pair in pairs for distance in distances(*pair)]
    assert np.median(same_clip) < 0.25
    assert np.median(distances(*SAME_MAN)) < 0.33
    assert np.median(different) > 0.75
    assert max(same_clip + distances(*SAME_MAN)) < min(different) - 0.1


def test_the_picture_is_the_one_dlib_aligns(faces: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    frame, points = faces["bbaf2n"][0][0], faces["bbaf2n"][1][0].copy()
    # dlib's points are whole pixels counted from the middle of the first; ours count from its border.
    points[:, :2] = np.floor(points[:, :2]) + 0.5
    corners = dlib.points([dlib.point(int(x), int(y)) for x, y in points[list(POINTS), :2]])
    theirs = dlib.get_face_chip(
        np.ascontiguousarray(frame), dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), corners), SIDE, 0.25
    )
    difference = align_face(frame, points).astype(float) - theirs
    assert np.abs(difference).mean() < 1.9  # 3.1 with the points half a pixel off


def test_the_embedding_hardly_depends_on_the_size_of_the_frame(
    faces: dict[str, tuple[np.ndarray, np.ndarray]],
) -> None:
    embedder, (frames, landmarks) = DlibFaceEmbedder(), faces["swiz3n"]
    plain = embedder.embed(frames[0], landmarks[0])
    for scale in (0.5, 2.0, 5.0):
        resized = cv2.resize(frames[0], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else 1)
        assert np.linalg.norm(embedder.embed(resized, landmarks[0] * scale) - plain) < 0.2


@settings(deadline=None, max_examples=30)
@given(st.floats(-3, 3), st.floats(0.2, 4), st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 9))
def test_similarity_finds_the_exact_map(angle: float, scale: float, x: float, y: float, seed: int) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.random.default_rng(seed).uniform(0, 100, (5, 2))
    matrix = similarity(points, points @ turn.T + (x, y))
    np.testing.assert_allclose(matrix, np.column_stack([turn, (x, y)]), atol=1e-8)


def test_a_frame_without_a_face_is_refused() -> None:
    with pytest.raises(FaceError, match="frame without one"):
        DlibFaceEmbedder().embed(np.zeros((64, 64, 3), np.uint8), np.full((478, 3), np.nan, np.float32))


def test_absent_weights_name_the_asset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    points = np.random.default_rng(0).uniform(0, 64, (478, 3))
    with pytest.raises(AssetError, match=r"lt-bench assets get dlib_face_recognition_resnet_model_v1.dat"):
        DlibFaceEmbedder().embed(np.zeros((64, 64, 3), np.uint8), points)


def test_the_hash_survives_sending_to_a_worker() -> None:
    embedder = DlibFaceEmbedder()
    assert pickle.loads(pickle.dumps(embedder)).hash == embedder.hash
