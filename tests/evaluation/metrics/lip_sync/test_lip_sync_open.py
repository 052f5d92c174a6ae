"""The open lip-sync score: its maths on made-up movements, its figures on real speakers, and what it refuses."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.evaluation.inputs.clip_context import ClipContext, Tools, VideoView
from lt_bench.evaluation.metrics.base import UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.lip_sync import lip_sync_model as model
from lt_bench.evaluation.metrics.lip_sync.lip_sync_open import LipSyncOpen, LipSyncOpenConfidence, LipSyncOpenOffset
from lt_bench.evaluation.stores.feature_store import FeatureStore
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import FaceLandmarker, FaceTrack
from lt_bench.perception.mouth_measures import MOUTH_MEASURES
from lt_bench.perception.speech.moonshine import MoonshineEncoder

EQUAL = np.full(12, 1 / 12)
SPEAKERS = ("bbaf2n", "brbk7n", "lwbsza", "sbia1a")


def movement(frames: int = 80, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(frames + 8, 12))
    return np.stack([np.convolve(column, np.hanning(9), "valid") for column in noise.T], axis=1)


@settings(deadline=None, max_examples=30)
@given(st.integers(-14, 14), st.integers(0, 5), st.floats(0.1, 9))
def test_a_late_mouth_has_a_positive_offset(shift: int, seed: int, scale: float) -> None:
    whole = movement(120, seed)
    expected, mouth = whole[20:100], whole[20 - shift : 100 - shift] * scale + 3
    curve = model.sync_curve(expected, model.standardise(mouth), EQUAL)
    assert curve.offset == shift
    assert curve.correlations.max() == pytest.approx(1)
    assert curve.confidence > 0.6


def test_the_curve_is_numpys_correlation() -> None:
    a, b = movement(seed=1), model.standardise(movement(seed=2))
    curve = model.sync_curve(a, b, np.eye(12)[3])
    assert curve.score == pytest.approx(np.corrcoef(a[:, 3], b[:, 3])[0, 1])
    assert curve.correlations[model.MAX_SHIFT + 4] == pytest.approx(np.corrcoef(a[:-4, 3], b[4:, 3])[0, 1])


def test_frames_without_a_face_are_left_out() -> None:
    expected, mouth = movement(), movement()
    mouth[[5, 6, 40]] = np.nan
    curve = model.sync_curve(expected, model.standardise(mouth), EQUAL)
    assert curve.score == pytest.approx(1)


def test_a_measure_that_does_not_move_follows_nothing() -> None:
    expected, mouth = movement(), movement()
    mouth[:, :6] = 0.25
    assert model.sync_curve(expected, model.standardise(mouth), EQUAL).score == pytest.approx(0.5)
    with pytest.raises(UnscorableError, match="expected a mouth that moves"):
        model.standardise(np.full((60, 12), 0.3))


def test_windows_are_clamped_and_without_the_mean() -> None:
    speech = np.arange(6.0)[:, None] + 100
    windows = model.speech_windows(speech)
    assert windows.shape == (6, 5)
    np.testing.assert_allclose(windows[0], [-2.5, -2.5, -2.5, -1.5, -0.5])
    np.testing.assert_allclose(windows[5], [0.5, 1.5, 2.5, 2.5, 2.5])


def test_a_long_clip_is_predicted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    maps, speech = model.load_speech_to_mouth(), np.random.default_rng(1).normal(size=(50, 288))
    whole = maps.predict(speech, "somebody")
    monkeypatch.setattr(model, "PREDICTED", 16)
    np.testing.assert_allclose(maps.predict(speech, "somebody"), whole, rtol=0, atol=1e-10)


def test_no_clip_is_judged_by_a_map_fitted_on_its_speaker() -> None:
    maps = model.load_speech_to_mouth()
    assert maps.maps.shape == (11, 5 * 288, 12)
    assert maps.importance.sum() == pytest.approx(1, abs=1e-5)
    assert len(maps.importance) == len(MOUTH_MEASURES)
    assert "id2_vcd_swwp2s,pwij3p" in maps.names  # one man
    speech = np.random.default_rng(0).normal(size=(60, 288))
    everyone = maps.predict(speech, "someone else")
    for clip in ("bbaf2n", "pwij3p", "id2_vcd_swwp2s"):
        assert np.abs(maps.predict(speech, clip) - everyone).max() > 0.1
    np.testing.assert_array_equal(maps.predict(speech, "pwij3p"), maps.predict(speech, "id2_vcd_swwp2s"))
    np.testing.assert_array_equal(maps.predict(speech, "baf2"), everyone)  # a part of a name is not the name


def test_the_maps_were_fitted_with_the_networks_that_are_used(mirror: Path) -> None:
    fitted = model.load_speech_to_mouth().fitted_with
    assert fitted["speech"] == MoonshineEncoder().hash
    with FaceLandmarker() as landmarker:
        assert fitted["faces"] == landmarker.hash


def test_the_held_out_figures_of_the_fit() -> None:
    report = json.loads((Path(__file__).parents[4] / "experiments/detectors/lip_sync_open.json").read_text())
    assert report["auc_score"] >= 0.97
    assert all(abs(clip["offset"]) <= 2 for clip in report["clips"].values())
    for name, offsets in report["offsets_of_shifted_sound"].items():
        shift = int(name.split()[1])
        assert all(abs(offset + shift) <= 1 for offset in offsets)


@cache
def faces_of(path: Path) -> FaceTrack:
    with FaceLandmarker() as landmarker:
        return landmarker.track(read_frames(path))


def context(mirror: Path, tmp_path: Path, mouth: str, voice: str, late: int = 0) -> ClipContext:
    """The face of one clip with the sound of another, which comes so many frames late."""
    path = mirror / "grid-sample" / f"{mouth}.mpg"
    view = VideoView(path, lambda: read_frames(path), f"{voice} {late}", 25.0, Tools(FeatureStore(tmp_path)), False)
    view.__dict__["faces"] = faces_of(path)
    sound = read_audio(mirror / "grid-sample" / f"{voice}.mpg")
    view.__dict__["audio"] = np.pad(sound, (late * 640, 0))[: 75 * 640]
    return ClipContext(mouth, mouth, view, view, 0, lambda: view.frames[0])


def test_real_speakers_follow_their_own_voice(mirror: Path, tmp_path: Path) -> None:
    own = [LipSyncOpen().score(context(mirror, tmp_path, clip, clip)) for clip in SPEAKERS]
    other = [LipSyncOpen().score(context(mirror, tmp_path, a, b)) for a in SPEAKERS for b in SPEAKERS if a != b]
    assert min(own) > 0.5
    assert np.mean(own) > np.mean(other) + 0.35
    assert np.mean([a > b for a in own for b in other]) >= 0.97


@pytest.mark.parametrize("late", [0, 4, 8])
def test_sound_that_comes_late_is_noticed(mirror: Path, tmp_path: Path, late: int) -> None:
    for clip in SPEAKERS[:2]:
        moved = context(mirror, tmp_path, clip, clip, late)
        assert LipSyncOpenOffset().score(moved) == pytest.approx(-late, abs=1)
        assert LipSyncOpenConfidence().score(moved) > 0.4


def track(found: np.ndarray) -> FaceTrack:
    frames = len(found)
    points = np.random.default_rng(0).normal(size=(frames, 478, 3)).astype(np.float32)
    points[~found] = np.nan
    shapes = np.random.default_rng(1).uniform(size=(frames, 52)).astype(np.float32)
    return FaceTrack(points, shapes, np.zeros((frames, 3), np.float32), found, found.astype(int))


@pytest.mark.parametrize(
    ("found", "fps", "message"),
    [
        (np.ones(40, bool), 25.0, "expected at least 50 frames with a face, got 40 of 40"),
        (np.arange(80) % 2 == 0, 25.0, "expected at least 50 frames with a face, got 40 of 80"),
        (np.arange(300) < 60, 25.0, "generated video v.mp4: expected a face in 80% of scored frames or more, got 20%"),
        (np.ones(80, bool), 30.0, "expected a protocol of 25 fps, got 30"),
    ],
)
def test_what_cannot_be_scored_has_a_reason(
    mirror: Path, tmp_path: Path, found: np.ndarray, fps: float, message: str
) -> None:
    (tmp_path / "v.mp4").touch()
    view = VideoView(
        tmp_path / "v.mp4", lambda: np.zeros((1, 8, 8, 3), np.uint8), "", fps, Tools(FeatureStore()), False
    )
    view.__dict__["faces"] = track(found)
    with pytest.raises(UnscorableError, match=message):
        LipSyncOpen().score(ClipContext("v", "v", view, view, 0, lambda: view.frames[0]))


def test_without_the_assets_it_is_missing_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    for name in ("lip_sync_open", "lip_sync_open_confidence", "lip_sync_open_offset"):
        assert build_metric(name).unavailable() == (
            "assets moonshine_tiny_en_encoder.ort and face_landmarker.task are absent: "
            "lt-bench assets get moonshine_tiny_en_encoder.ort face_landmarker.task"
        )
