"""Distance to the portrait: real people told apart, and what cannot be scored."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import ConfigError, FaceError
from lt_bench.evaluation.inputs.clip_context import ClipContext, Tools, VideoView
from lt_bench.evaluation.metrics.base import UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.identity.identity_dlib import IdentityDlib
from lt_bench.evaluation.stores.feature_store import FeatureStore
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import FaceLandmarker, FaceTrack


@cache
def material(path: Path) -> tuple[np.ndarray, FaceTrack]:
    frames = read_frames(path)[::15]
    with FaceLandmarker() as landmarker:
        return frames, landmarker.track(frames)


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    made = Tools(FeatureStore(tmp_path))
    yield made
    made.close()


def context(mirror: Path, tools: Tools, video: str, portrait: str) -> ClipContext:
    frames, track = material(mirror / "grid-sample" / f"{video}.mpg")
    path = mirror / "grid-sample" / f"{video}.mpg"
    view = VideoView(path, lambda: frames, "", 25.0, tools, False)
    view.__dict__["faces"] = track
    picture = material(mirror / "grid-sample" / f"{portrait}.mpg")[0][0]
    return ClipContext(video, video, view, view, 0, lambda: picture)


def test_the_person_is_near_and_others_are_far(mirror: Path, tools: Tools) -> None:
    score = IdentityDlib(stride=2)
    own = score.score(context(mirror, tools, "pwij3p", "pwij3p"))
    again = score.score(context(mirror, tools, "pwij3p", "id2_vcd_swwp2s"))  # the same man on another day
    other = score.score(context(mirror, tools, "pwij3p", "lwbsza"))
    assert own < 0.25
    assert own < again < 0.4
    assert other > 0.6


def test_a_portrait_without_a_face_is_refused(mirror: Path, tools: Tools) -> None:
    clip = context(mirror, tools, "pwij3p", "pwij3p")
    clip.load_portrait = lambda: np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(FaceError, match="pwij3p: expected a face in the portrait, got none"):
        IdentityDlib().score(clip)


def test_a_video_that_mostly_lacks_a_face_has_a_reason(mirror: Path, tools: Tools) -> None:
    clip = context(mirror, tools, "pwij3p", "pwij3p")
    found = np.array([True, False, True, False, True])
    old = clip.generated.faces
    clip.generated.__dict__["faces"] = FaceTrack(old.landmarks, old.blendshapes, old.pose, found, old.counts)
    with pytest.raises(
        UnscorableError, match=r"pwij3p.mpg: expected a face in 80% of the frames looked at, got 3 of 5"
    ):
        IdentityDlib(stride=1).score(clip)


def test_without_the_weights_it_is_missing_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    reason = build_metric("identity_dlib").unavailable()
    assert reason is not None
    assert "lt-bench assets get dlib_face_recognition_resnet_model_v1.dat" in reason


def test_the_stride_is_a_setting_and_part_of_the_name(mirror: Path) -> None:
    assert build_metric("identity_dlib", {"stride": 3}).detail == "5 points from MediaPipe landmarks, every 3rd frame"
    assert build_metric("identity_dlib").detector == build_metric("identity_dlib", {"stride": 3}).detector != ""
    with pytest.raises(ConfigError, match="stride"):
        build_metric("identity_dlib", {"stride": 0})
