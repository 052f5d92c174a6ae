"""Which windows of a video a video network sees: where they begin and end, which are drawn, how rows are made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from lt_bench.errors import ConfigError
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.distribution import fvd, fvd_videomae

MakeClip = Callable[..., ClipContext]


def video(seed: int, frames: int = 16, side: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)


@pytest.fixture
def clip(clip_of: MakeClip) -> MakeClip:
    return lambda frames, name="a", first=0: clip_of(video(0, frames), video(1, frames), first, name)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Windows given to a stand-in network whose features are the first pixel and the mean."""
    windows: list[np.ndarray] = []

    def look(window: np.ndarray, **_: object) -> np.ndarray:
        windows.append(window)
        return np.array([window[0, 0, 0, 0], window.mean()], np.float32)

    monkeypatch.setattr(fvd, "i3d_logits", look)
    monkeypatch.setattr(fvd_videomae, "videomae_features", look)
    return windows


def test_windows_lie_back_to_back_after_the_first_scored_frame(clip: MakeClip, seen: list[np.ndarray]) -> None:
    context = clip(55, first=3)
    collected = build_metric("fvd").collect(context)
    assert {side: rows.shape for side, rows in collected.items()} == {"generated": (3, 2), "real": (3, 2)}
    for index, window in enumerate(seen[:3]):
        np.testing.assert_array_equal(window, context.generated.frames[3 + 16 * index :][:16])


def test_frames_left_out_and_a_last_window_that_just_fits(clip: MakeClip, seen: list[np.ndarray]) -> None:
    context = clip(48, first=3)  # 45 scored frames, 5 left out: two windows of 20
    rows = build_metric("fvd", {"frames": 20, "start": 5}).collect(context)
    assert rows["real"].shape == (2, 2)
    np.testing.assert_array_equal(seen[0], context.generated.frames[8:28])
    np.testing.assert_array_equal(seen[1], context.generated.frames[28:48])
    assert build_metric("fvd", {"frames": 40, "start": 5}).collect(context)["real"].shape == (1, 2)
    with pytest.raises(UnscorableError, match="fvd: expected 41 scored frames or more, got 40"):
        build_metric("fvd", {"frames": 41, "start": 5}).collect(context)
    with pytest.raises(UnscorableError, match="or more, got 0"):
        build_metric("fvd", {"start": 50}).collect(context)


@pytest.mark.parametrize(("total", "starts"), [(16, [0]), (31, [0]), (32, [0, 16]), (47, [0, 16]), (48, [0, 16, 32])])
def test_all_windows_that_fit_and_no_more(total: int, starts: list[int]) -> None:
    assert build_metric("fvd").starts(total, "a", True) == starts  # type: ignore[attr-defined]


def test_the_drawn_window_is_that_of_the_ids_digest_and_every_place_can_be_drawn() -> None:
    score = build_metric("fvd", {"windows": "random_real"})
    for name in "abcd":
        drawn = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
        for total in (16, 17, 80):
            assert score.starts(total, name, True) == [drawn % (total - 15)]  # type: ignore[attr-defined]
    drawn = {score.starts(18, str(name), True)[0] for name in range(40)}  # type: ignore[attr-defined]
    assert drawn == {0, 1, 2}
    assert build_metric("fvd", {"windows": "first"}).starts(80, "a", True) == [0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("key", "value"), [("frames", 1), ("start", -1)])
def test_windows_of_no_motion_or_before_the_start_are_refused(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=r"frames, start: expected at least 2 and 0"):
        build_metric("fvd", {key: value})
    build_metric("fvd", {"frames": 2, "start": 0})


def test_a_random_window_is_the_real_videos_own_and_windows_are_kept_apart(
    clip: MakeClip, seen: list[np.ndarray]
) -> None:
    context = clip(80, "b")
    score = build_metric("fvd", {"windows": "random_real"})
    score.collect(context)
    (start,) = score.starts(80, "b", True)  # type: ignore[attr-defined]
    assert start > 0
    np.testing.assert_array_equal(seen[0], context.generated.frames[:16])
    np.testing.assert_array_equal(seen[1], context.real.frames[start : start + 16])
    build_metric("fvd").collect(context)  # other windows of the same video: not what is kept of these
    assert len(seen) == 2 + 5 + 5
    build_metric("fvd").collect(context)
    assert len(seen) == 12


def test_stylegan_vs_choice_is_one_window_of_each_video(clip: MakeClip, seen: list[np.ndarray]) -> None:
    score = build_metric("fvd", {"windows": "random_real", "ddof": 0})
    rows = [score.collect(clip(80, name)) for name in "abcdef"]
    assert all(r["real"].shape == r["generated"].shape == (1, 2) for r in rows)
    starts = {tuple(score.starts(80, name, True)) for name in "abcdef"}
    assert len(starts) > 2
    assert score.starts(80, "a", True) == score.starts(80, "a", True)
    assert score.starts(80, "a", False) == [0]


def test_disco_averages_a_videos_windows_which_is_another_metric(clip: MakeClip, seen: list[np.ndarray]) -> None:
    one, mean = build_metric("fvd"), build_metric("fvd", {"average": True})
    clips = [clip(64, name) for name in "abcd"]
    windows, means = ([score.collect(c) for c in clips] for score in (one, mean))
    np.testing.assert_allclose(means[0]["real"], windows[0]["real"].mean(0, keepdims=True))
    assert (one.describe(windows), mean.describe(means)) == ("d=2, N=16", "d=2, N=4")
    assert "averaged over each video" in mean.detail


def test_a_video_shorter_than_a_window_is_a_miss_not_a_zero(clip: MakeClip, seen: list[np.ndarray]) -> None:
    with pytest.raises(UnscorableError, match="fvd: expected 16 scored frames or more, got 15"):
        build_metric("fvd").collect(clip(18, first=3))
