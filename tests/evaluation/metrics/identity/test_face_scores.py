"""Scores from landmarks and embeddings of faces: conventions by constructed tracks, ArcFace's alignment and input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lt_bench.errors import AssetError, FaceError
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.identity import identity_arcface
from lt_bench.evaluation.metrics.identity.identity_variants import drift
from lt_bench.evaluation.metrics.motion.beat_align import beat_alignment, motion_stops, sound_onsets
from lt_bench.perception import arcface
from lt_bench.perception.arcface import POINTS, TEMPLATE, ArcFaceEmbedder, align_face
from lt_bench.perception.faces import FaceTrack
from lt_bench.perception.mouth_measures import LEFT_EYE, OUTER_LIPS, RIGHT_EYE

MakeClip = Callable[..., ClipContext]
F = 30


def track(seed: int = 0, frames: int = F) -> FaceTrack:
    """A face that moves a little; its eyes are 20 pixels apart."""
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(99).uniform(10, 50, (478, 3))
    shape[LEFT_EYE, :2], shape[RIGHT_EYE, :2] = (20, 25), (40, 25)
    return FaceTrack(
        landmarks=np.repeat(shape[None], frames, axis=0).astype(np.float32),
        blendshapes=rng.uniform(0, 0.4, (frames, 52)).astype(np.float32),
        pose=(0.1 * rng.normal(size=(frames, 3))).astype(np.float32),
        found=np.ones(frames, bool),
        counts=np.ones(frames, np.int64),
    )


def changed(old: FaceTrack, **parts: np.ndarray) -> FaceTrack:
    return FaceTrack(**{**vars(old), **parts})


def pictures(frames: int = F) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (frames, 64, 64, 3), dtype=np.uint8)


def scored(clip_of: MakeClip, made: FaceTrack, real: FaceTrack, *names: str, first: int = 0) -> list[float]:
    clip = clip_of(pictures(), pictures()[::-1], first, faces=(made, real))
    return [build_metric(name).score(clip) for name in names]


def test_landmark_distances_are_in_eye_distances_and_lips_do_not_mind_where_the_head_is(clip_of: MakeClip) -> None:
    real = track()
    moved = changed(real, landmarks=real.landmarks + np.float32([6, 8, 0]))
    assert scored(clip_of, moved, real, "lmd_face", "lmd_lips") == pytest.approx([10 / 20, 0], abs=1e-5)
    wider = real.landmarks.copy()
    wider[:, list(OUTER_LIPS[:10]), 0] -= 4
    wider[:, list(OUTER_LIPS[10:]), 0] += 4
    (lips,) = scored(clip_of, changed(real, landmarks=wider), real, "lmd_lips")
    assert lips == pytest.approx(4 / 20 / 2, rel=1e-4)  # half of the 40 points are outer ones


def test_landmark_distance_does_not_depend_on_resolution(clip_of: MakeClip) -> None:
    real = track()
    made = changed(real, landmarks=real.landmarks + np.random.default_rng(0).normal(size=(F, 478, 3)).astype("f4"))
    double = [changed(t, landmarks=2 * t.landmarks) for t in (made, real)]
    names = ("lmd_face", "lmd_lips")
    assert scored(clip_of, made, real, *names) == pytest.approx(scored(clip_of, *double, *names), rel=1e-5)


def test_expressions_at_the_same_time_and_as_a_distribution_are_two_scores(clip_of: MakeClip) -> None:
    real = track()
    backwards = changed(real, blendshapes=real.blendshapes[::-1].copy())
    (distance,) = scored(clip_of, backwards, real, "expression_distance")
    assert distance > 0.5
    score = build_metric("expression_fd")
    collected = [score.collect(clip_of(pictures(), pictures(), faces=(backwards, real)))]
    assert score.combine(collected) == pytest.approx(0, abs=1e-9)  # the same faces in another order
    assert score.describe(collected) == "d=52, N=30"


def test_pose_diversity_is_in_degrees_and_a_stiff_neck_has_none(clip_of: MakeClip) -> None:
    real = track()
    yaw = np.zeros((F, 3), np.float32)
    yaw[:, 0] = np.tile([0.1, -0.1], F // 2)
    turning, stiff = changed(real, pose=yaw), changed(real, pose=0 * yaw)
    assert scored(clip_of, turning, real, "head_pose_diversity") == pytest.approx([np.degrees(0.1) / 3**0.5], rel=1e-5)
    assert scored(clip_of, stiff, real, "head_pose_diversity") == [0]
    assert build_metric("head_pose_diversity").higher_is_better is None


def test_blinks_are_counted_per_second_of_scored_frames(clip_of: MakeClip) -> None:
    shapes = np.zeros((F, 52), np.float32)
    shapes[[3, 4, 12, 20]] = 0.9
    made = changed(track(), blendshapes=shapes)
    assert scored(clip_of, made, track(), "blink_rate") == pytest.approx([3 * 25 / F])
    assert scored(clip_of, made, track(), "blink_rate", first=5) == pytest.approx([2 * 25 / 25])


def test_too_few_frames_with_a_face_are_a_reason_not_a_number(clip_of: MakeClip) -> None:
    gone = changed(track(), found=np.arange(F) < 20)
    for name in ("lmd_lips", "lmd_face", "expression_distance", "head_pose_diversity", "blink_rate"):
        with pytest.raises(UnscorableError, match="80% of scored frames or more, got 67%"):
            scored(clip_of, gone, track(), name)


def test_beat_alignment_of_equal_beats_is_1_and_of_far_ones_0() -> None:
    beats = np.array([0.3, 0.9, 1.6])
    assert beat_alignment(beats, beats) == 1
    assert beat_alignment(beats + 0.05, beats) == pytest.approx(np.exp(-0.5))
    assert beat_alignment(beats[:1], np.array([2.0])) < 1e-12
    with pytest.raises(UnscorableError, match="got 3 stops, 0 onsets"):
        beat_alignment(beats, np.zeros(0))


def test_onsets_of_clicks_and_stops_of_a_swinging_head_are_found() -> None:
    audio = 0.001 * np.random.default_rng(0).normal(size=32000)
    for second in (0.4, 0.9, 1.5):
        audio[int(second * 16000) :][:2000] += 0.3 * np.random.default_rng(1).normal(size=2000)
    np.testing.assert_allclose(sound_onsets(audio), [0.4, 0.9, 1.5], atol=0.02)
    times = (np.arange(50) + 0.5) / 25
    swing = np.stack([0.2 * np.cos(np.pi * times), 0 * times, 0 * times], axis=1)  # stands still at 0, 1 and 2 s
    np.testing.assert_allclose(motion_stops(swing, times), [1.0], atol=0.05)


def test_a_head_that_never_moves_has_no_beats(clip_of: MakeClip) -> None:
    still = changed(track(), pose=np.zeros((F, 3), np.float32))
    clip = clip_of(pictures(), pictures(), faces=(still, still), audio=np.random.default_rng(0).normal(size=F * 640))
    with pytest.raises(UnscorableError, match="got 0 stops"):
        build_metric("beat_align").score(clip)


@pytest.mark.parametrize(
    ("seconds", "loudness", "message"),
    [
        (0.4, 1.0, r"expected a voice for all of 1\.20 s, got sound of 0\.40 s"),
        (1.2, 0.0, "expected a voice, got a silent track"),
    ],
)
def test_a_head_has_no_beats_to_follow_where_the_sound_ends_early_or_is_silent(
    clip_of: MakeClip, seconds: float, loudness: float, message: str
) -> None:
    sound = loudness * np.random.default_rng(0).normal(size=round(seconds * 16000))
    clip = clip_of(pictures(), pictures(), faces=(track(), track()), audio=sound)
    with pytest.raises(UnscorableError, match=message):
        build_metric("beat_align").score(clip)


class Lookup:
    """An embedder of unit vectors whose angle is the first pixel, in hundredths."""

    name = "lookup"
    hash = "0"

    def embed(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        angle = frame[0, 0, 0] / 100
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    def embed_faces(self, frames: list[np.ndarray], landmarks: list[np.ndarray]) -> np.ndarray:
        return np.stack([self.embed(*pair) for pair in zip(frames, landmarks, strict=True)])


@pytest.fixture
def turned(clip_of: MakeClip, monkeypatch: pytest.MonkeyPatch) -> ClipContext:
    """Generated faces turn away from the portrait frame by frame; real ones stay."""
    monkeypatch.setattr(identity_arcface, "_embedder", Lookup)
    made, real = pictures(), pictures()
    made[:, 0, 0, 0], real[:, 0, 0, 0] = np.arange(F), 5
    clip = clip_of(made, real, faces=(track(), track()))

    class Landmarker:
        def track(self, frames: list[np.ndarray]) -> FaceTrack:
            return track(frames=len(frames))

    clip.real.tools.__dict__["landmarker"] = Landmarker()
    return clip


def test_identity_to_the_portrait_its_worst_frames_and_drift_and_to_the_truth(turned: ClipContext) -> None:
    def score(name: str, **settings: object) -> float:
        return build_metric(name, settings).score(turned)

    cosines = np.cos((np.arange(F) - 5) / 100)
    assert score("identity_arcface", stride=1) == pytest.approx(cosines.mean(), abs=1e-5)
    assert score("identity_arcface", stride=10) == pytest.approx(cosines[::10].mean(), abs=1e-5)
    assert score("identity_arcface_worst", stride=1) == pytest.approx(np.percentile(cosines, 5), abs=1e-5)
    assert score("identity_arcface_drift", stride=1) == pytest.approx(
        cosines[-10:].mean() - cosines[:10].mean(), abs=1e-5
    )
    assert score("identity_arcface_truth", stride=1) == pytest.approx(cosines.mean(), abs=1e-5)
    with pytest.raises(UnscorableError, match="at least 3 frames"):
        drift(np.ones(2))


def test_reference_frame_and_ground_truth_are_two_scores_by_name() -> None:
    titles = [build_metric(name).title for name in ("identity_arcface", "identity_arcface_truth")]
    assert titles[0].endswith("generated frames to the portrait")
    assert titles[1].endswith("generated to real frames")
    for name in ("identity_dlib", "identity_dlib_worst", "identity_dlib_drift", "identity_dlib_truth"):
        assert "dlib_face_recognition_resnet_model_v1.dat" in build_metric(name).assets


def faces_points() -> np.ndarray:
    """Landmarks whose five points lie on the template, from the outer border of the first pixel."""
    points = np.zeros((478, 3), np.float32)
    for group, place in zip(POINTS, TEMPLATE, strict=True):
        points[list(group), :2] = place + 0.5
    return points


def test_arcface_aligns_to_its_template_whatever_turn_scale_and_place_the_face_has() -> None:
    base = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8), (0, 0), 6)
    assert np.abs(align_face(base, faces_points()).astype(int) - base).max() <= 1
    turn = cv2.getRotationMatrix2D((40, 70), 20, 1.7) + np.array([[0, 0, 100], [0, 0, 100]])
    moved = cv2.warpAffine(base, turn, (400, 400))
    points = faces_points()
    points[:, :2] = (points[:, :2] - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    inner = (slice(15, -15), slice(15, -15))
    assert np.abs(align_face(moved, points)[inner].astype(int) - base[inner]).mean() < 2
    with pytest.raises(FaceError, match="a frame without one"):
        align_face(base, points * np.nan)


def test_arcface_is_given_rgb_in_minus_1_to_1_and_returns_unit_length(
    tmp_path: Path, onnx_file: Callable[[Path], Path]
) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    expected = ((align_face(frame, faces_points()).astype(np.float64) - 127.5) / 127.5).transpose(2, 0, 1).ravel()
    found = ArcFaceEmbedder(onnx_file(tmp_path / "flat.onnx")).embed(frame, faces_points())
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


def test_faces_that_go_through_arcface_together_give_what_each_gives_alone(
    tmp_path: Path, onnx_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    embedder = ArcFaceEmbedder(onnx_file(tmp_path / "flat.onnx", "N"))
    alone = np.stack([embedder.embed(frame, faces_points()) for frame in frames])
    together: list[int] = []
    inner = ArcFaceEmbedder._run

    def run(self: ArcFaceEmbedder, pictures: np.ndarray) -> np.ndarray:
        together.append(len(pictures))
        return inner(self, pictures)

    monkeypatch.setattr(ArcFaceEmbedder, "_run", run)
    monkeypatch.setattr(arcface, "_batch_size", lambda session: 2)  # as on a GPU
    assert np.array_equal(embedder.embed_faces(list(frames), [faces_points()] * 5), alone)
    assert together == [2, 2, 1]


def test_only_a_network_of_any_batch_takes_several_faces_and_only_on_a_gpu(
    tmp_path: Path, onnx_file: Callable[..., Path]
) -> None:
    class OnGpu:
        def __init__(self, session: Any) -> None:
            self.get_inputs = session.get_inputs

        def get_providers(self) -> list[str]:
            return [arcface.CUDA, arcface.CPU]

    any_batch, fixed = (arcface._open(onnx_file(tmp_path / f"{batch}.onnx", batch)) for batch in ("N", 1))
    assert [arcface._batch_size(s) for s in (OnGpu(any_batch), OnGpu(fixed), any_batch)] == [arcface.BATCH, 1, 1]


def test_what_is_no_onnx_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(AssetError, match=r"x\.onnx: expected an ONNX network"):
        ArcFaceEmbedder(tmp_path / "x.onnx").embed(pictures(1)[0], faces_points())
