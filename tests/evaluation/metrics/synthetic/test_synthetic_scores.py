"""Scores against exact truth, with readings made up so that the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lt_bench.evaluation.inputs.clip_context import TRUTH_COLUMNS, ClipContext, Tools, Truth, VideoView
from lt_bench.evaluation.metrics.base import UnscorableError
from lt_bench.evaluation.metrics.motion.head_motion import blinks, pose_spread
from lt_bench.evaluation.metrics.synthetic import identity_probe, probe_pose
from lt_bench.evaluation.metrics.synthetic import lip_correlation as lips
from lt_bench.evaluation.metrics.synthetic.probe_readings import READINGS, ProbeReadings
from lt_bench.evaluation.statistics.cluster import UndefinedError
from lt_bench.evaluation.stores.feature_store import FeatureStore

FRAMES, START = 75, 16


def states(seed: int, frames: int = FRAMES) -> np.ndarray:
    waves = np.random.default_rng(seed).normal(size=(frames + 4, 12))
    return np.stack([np.convolve(w, np.ones(5) / 5, "valid") for w in waves.T], axis=1).astype(np.float32)


def reading(values: np.ndarray, embedding: np.ndarray | None = None) -> ProbeReadings:
    columns = {name: values[:, TRUTH_COLUMNS.index(name)] for name in READINGS}
    shown = (
        np.ones((len(values), 2), np.float32)
        if embedding is None
        else np.tile(embedding, (len(values), 1)).astype(np.float32)
    )
    return ProbeReadings(**columns, embedding=shown)


def clip(
    monkeypatch: pytest.MonkeyPatch,
    made: ProbeReadings,
    true: np.ndarray,
    other: np.ndarray | None = None,
    gallery: dict[str, ProbeReadings] | None = None,
) -> ClipContext:
    """A clip of videos that nobody decodes: what the probe would read off them is given."""
    tools = Tools(FeatureStore("unused"))
    readings: dict[str, ProbeReadings] = {}

    def video(name: str, shown: ProbeReadings) -> VideoView:
        readings[name] = shown
        return VideoView(Path(name), lambda: np.zeros((1, 2, 2, 3), np.uint8), "", 25.0, tools, False)

    for module in (lips, probe_pose, identity_probe):
        monkeypatch.setattr(module, "probe_track", lambda view: readings[view.path.name])
    takes = {identity: video(f"gallery {identity}", shown) for identity, shown in (gallery or {}).items()}
    return ClipContext(
        "ann_0",
        "ann",
        video("made", made),
        video("real", reading(true)),
        START,
        lambda: np.zeros((2, 2, 3), np.uint8),
        Truth(true),
        None if other is None else Truth(other),
        lambda: takes,
    )


@pytest.mark.parametrize("shift", [-7, -1, 0, 3, 15])
def test_late_lips_have_a_positive_offset(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    true = states(0)
    late = reading(np.roll(true, shift, axis=0))
    assert lips.AvOffset().score(clip(monkeypatch, late, true)) == shift


def test_the_correlation_looks_at_scored_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    true = states(0)
    seen = true.copy()
    seen[:START] = 99
    made = clip(monkeypatch, reading(seen), true)
    assert lips.LipCorr().score(made) == pytest.approx(1)
    assert lips.LipError().score(made) == 0
    seen[START:] *= -1
    assert lips.LipCorr().score(clip(monkeypatch, reading(seen), true)) == pytest.approx(-1)


def test_correlation_is_blind_to_scale_the_error_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    true = states(0)
    made = clip(monkeypatch, reading(0.5 * true + 0.25), true)
    assert lips.LipCorr().score(made) == pytest.approx(1)
    assert lips.LipError().score(made) == pytest.approx(np.abs(0.25 - 0.5 * true[START:, 0]).mean(), rel=1e-5)


def test_the_control_is_another_clips_truth_over_the_frames_both_have(monkeypatch: pytest.MonkeyPatch) -> None:
    true, other = states(0), states(1, 60)
    made = clip(monkeypatch, reading(true), true, other)
    expected = np.corrcoef(true[START:60, 0], other[START:, 0])[0, 1]
    assert lips.LipCorrShuffled().score(made) == pytest.approx(expected)


def test_lips_that_never_move_have_no_correlation_rather_than_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    true, frozen = states(0), states(0)
    frozen[:, 0] = 0.3
    for score in (lips.LipCorr(), lips.AvOffset()):
        with pytest.raises(UndefinedError, match="constant"):
            score.score(clip(monkeypatch, reading(frozen), true))


def test_too_few_frames_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    short = states(0, 40)
    made = clip(monkeypatch, reading(short), short)
    assert lips.LipCorr().score(made) == pytest.approx(1)
    with pytest.raises(UnscorableError, match="at least 40 scored frames for shifts of 15, got 24"):
        lips.AvOffset().score(made)
    made = clip(monkeypatch, reading(short[:20]), short[:20])
    with pytest.raises(UnscorableError, match="at least 10 scored frames, got 4"):
        lips.LipCorr().score(made)


def test_errors_of_the_pose_are_in_degrees(monkeypatch: pytest.MonkeyPatch) -> None:
    true = states(0)
    turned = true.copy()
    turned[:, TRUTH_COLUMNS.index("yaw")] += np.float32(np.radians(10))
    made = clip(monkeypatch, reading(turned), true)
    assert probe_pose.YawError().score(made) == pytest.approx(10, rel=1e-4)
    assert probe_pose.PitchError().score(made) == pytest.approx(0, abs=1e-5)
    assert probe_pose.PoseStdRatio().score(made) == pytest.approx(1, rel=1e-4)  # a constant turn is no motion


def test_blinks_are_counted_when_the_eyes_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert blinks(np.array([0, 1, 1, 0, 1, 0], bool)) == 2
    assert blinks(np.array([1, 1, 0, 0], bool)) == 0
    true = states(0)
    true[:, 3] = 0
    twice = true.copy()
    twice[[30, 31, 50], 3] = 1
    rate = probe_pose.BlinkRateProbe().score(clip(monkeypatch, reading(twice), true))
    assert rate == pytest.approx(2 * 25 / (FRAMES - START))


def test_spread_of_pose_is_that_of_its_angles() -> None:
    pose = np.random.default_rng(0).normal(size=(5000, 3)) * [0.1, 0.2, 0.2]
    assert pose_spread(pose) == pytest.approx(np.sqrt((0.01 + 0.04 + 0.04) / 3), rel=0.05)


def test_identity_is_judged_against_another_take(monkeypatch: pytest.MonkeyPatch) -> None:
    true = states(0)
    ann, bob = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    gallery = {"ann": reading(true, ann), "bob": reading(true, bob)}
    for shown, cosine, right in ((ann, 1, 1), (bob, 0, 0), (ann + bob, np.sqrt(0.5), 0)):  # a tie is wrong
        made = clip(monkeypatch, reading(true, shown), true, gallery=gallery)
        assert identity_probe.IdentityProbe().score(made) == pytest.approx(cosine)
        assert identity_probe.IdentityRank1().score(made) == right
    alone = clip(monkeypatch, reading(true, ann), true, gallery={"ann": gallery["ann"]})
    with pytest.raises(UnscorableError, match="two identities"):
        identity_probe.IdentityRank1().score(alone)
    with pytest.raises(UnscorableError, match="gallery take of ann"):
        identity_probe.IdentityProbe().score(clip(monkeypatch, reading(true, ann), true))


def test_on_real_puts_the_real_video_in_the_generated_ones_place(monkeypatch: pytest.MonkeyPatch) -> None:
    true = states(0)
    made = clip(monkeypatch, reading(-true), true, states(1), {"ann": reading(true)})
    on_real = made.on_real()
    assert on_real.generated is made.real
    assert on_real.real is made.real
    assert (on_real.id, on_real.identity, on_real.scored) == ("ann_0", "ann", slice(START, None))
    assert (on_real.truth, on_real.other_truth, on_real.gallery) == (made.truth, made.other_truth, made.gallery)
    assert lips.LipCorr().score(on_real) == pytest.approx(1)
    assert lips.LipCorr().score(made) == pytest.approx(-1)
