"""lt-bench compare: paired on the same clips, Holm over the table, refused where results do not compare."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.cli.main import main
from lt_bench.errors import ResultError
from lt_bench.evaluation.results.comparison import compare
from lt_bench.evaluation.results.result_file import Clip, Miss, ProtocolRef, RealSetRef, Result, Score, save_result
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.evaluation.statistics.cluster import Interval, holm, paired_difference

IDS = [f"c{i}" for i in range(8)]


def score(name: str, values: np.ndarray, **changes: object) -> Score:
    base = Score(
        name, name, "", True, None, "video", "mean", "", "", float(np.mean(values)), None, len(values),
        dict(zip(IDS, map(float, values), strict=True)), None, None, settings={}, settings_hash=hash_of_settings({}),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def result(system: str, *scores: Score, frames: int = 75, version: int = 1) -> Result:
    clips = tuple(Clip(name, f"person{i // 2}", frames) for i, name in enumerate(IDS))
    rules = ProtocolRef("p", version, "h" * 64, 64, 64, 25.0, 0)
    return Result(system, rules, RealSetRef("r" * 64, "d", "test"), clips, (), {s.name: s for s in scores})


RNG = np.random.default_rng(0)
GOOD, NOISE = RNG.uniform(0.5, 0.6, 8), 0.01 * RNG.normal(size=8)


def test_the_better_system_is_named_in_each_direction() -> None:
    better = GOOD + 0.3 + NOISE
    a = result("a", score("up", better), score("down", better, higher_is_better=False))
    b = result("b", score("up", GOOD), score("down", GOOD, higher_is_better=False))
    rows = {row.score: row for row in compare(a, b, alpha=0.3).rows}
    assert (rows["up"].verdict, rows["down"].verdict) == ("a", "b")
    assert rows["up"].difference == pytest.approx(0.3, abs=0.01)
    assert rows["up"].interval is not None
    assert rows["up"].interval.method == "cluster t"
    assert rows["up"].interval.clusters == 4  # people, not clips


def test_distance_to_a_target_is_what_counts() -> None:
    near = result("near", score("ratio", 1 + 0.1 * (-1.0) ** np.arange(8), higher_is_better=None, target=1.0))
    far = result("far", score("ratio", np.full(8, 0.5), higher_is_better=None, target=1.0))
    row = compare(near, far, alpha=0.3).rows[0]
    assert (row.verdict, row.difference) == ("a", pytest.approx(-0.4))
    assert (row.a, row.b) == (pytest.approx(0.1), pytest.approx(0.5))
    assert "distances to the target 1 are compared" in row.note


def without(whole: Score, *lost: int) -> Score:
    """The score without the clips of these numbers."""
    left = {name: value for k, (name, value) in enumerate(whole.per_video.items()) if k not in lost}
    return replace(whole, per_video=left, value=float(np.mean(list(left.values()))), scored=len(left))


def test_what_is_shown_rests_on_the_clips_that_both_have() -> None:
    a, b = result("a", without(score("up", GOOD + 0.3 + NOISE), 0, 1)), result("b", without(score("up", GOOD), 6, 7))
    row = compare(a, b).rows[0]
    assert row.clips == 4
    assert (row.a, row.b) == (pytest.approx(np.mean((GOOD + 0.3 + NOISE)[2:6])), pytest.approx(np.mean(GOOD[2:6])))
    assert row.difference == pytest.approx(row.a - row.b)
    assert row.note == "4 clips that only one has are left out"


def test_means_are_said_to_stand_for_medians() -> None:
    skewed = np.array([0.0] * 6 + [8.0] * 2)
    a, b = (result(name, score("shift", values, aggregate="median")) for name, values in (("a", skewed), ("b", GOOD)))
    row = compare(a, b).rows[0]
    assert row.difference == pytest.approx(row.a - row.b)
    assert row.note == "means, where the score is a median"


def test_p_values_are_those_of_the_paired_test_corrected_over_the_table() -> None:
    shifts = (0.3, 0.0, 0.01)
    a = result("a", *(score(f"s{i}", GOOD + shift + NOISE) for i, shift in enumerate(shifts)))
    b = result("b", *(score(f"s{i}", GOOD) for i in range(3)))
    rows = compare(a, b).rows
    people = [f"person{i // 2}" for i in range(8)]
    alone = [paired_difference(GOOD + shift + NOISE, GOOD, people).p_value for shift in shifts]
    assert [row.p_value for row in rows] == alone
    assert [row.p_holm for row in rows] == holm(alone)


def test_equal_systems_tie_and_swapping_swaps(tmp_path: Path) -> None:
    a, b = result("a", score("up", GOOD + 0.3)), result("b", score("up", GOOD))
    assert compare(a, a).rows[0].verdict == "tie"
    there, back = compare(a, b, alpha=0.3).rows[0], compare(b, a, alpha=0.3).rows[0]
    assert (there.verdict, back.verdict) == ("a", "b")
    assert there.difference == pytest.approx(-back.difference)
    assert there.p_value == back.p_value


def test_scores_of_sets_are_told_apart_by_intervals_only() -> None:
    def fd(value: float) -> Score:
        interval = Interval(value - 1, value + 1, 0.95, "cluster jackknife", 4, 4)
        changes = {"scope": "set", "value": value, "interval": interval, "per_video": {}, "higher_is_better": False}
        return score("fd", GOOD, **changes)

    low, high = result("low", fd(10)), result("high", fd(20))
    assert compare(low, high).rows[0].verdict == "a"
    assert compare(low, result("near", fd(11))).rows[0].verdict == "tie"
    assert "intervals" in compare(low, high).rows[0].note
    missed = replace(fd(10), scored=7)
    first, last = (
        replace(result(name, missed), misses=(Miss(name, "fd", "no face", fault="generated"),)) for name in ("c0", "c7")
    )
    row = compare(first, last).rows[0]
    assert (row.verdict, row.difference) == ("untested", None)
    assert row.note == "scores of different sets: 2 clips that only one has"


@pytest.mark.parametrize(
    ("changes", "message"), [({"frames": 74}, "length of clip c0"), ({"version": 2}, "protocol: p version 1 against")]
)
def test_what_does_not_compare_is_refused_with_the_difference(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ResultError, match=message):
        compare(result("a", score("up", GOOD)), result("b", score("up", GOOD), **changes))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(tmp_path / f"{name}.json") for name in "ab"]
    save_result(result("a", score("up", GOOD + 0.3)), paths[0])
    save_result(result("b", score("up", GOOD), frames=75), paths[1])
    assert main(["compare", *paths, "--json", "--alpha", "0.3"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"][0]["verdict"] == "a"
    assert main(["compare", *paths]) == 0
    assert "A a, B b: p version 1" in capsys.readouterr().out
    save_result(result("b", score("up", GOOD), frames=70), paths[1])
    assert main(["compare", *paths]) == 2
    assert "length of clip c0: 75 against 70 frames" in capsys.readouterr().err


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_monotone_and_never_below_the_p_values(p: list[float]) -> None:
    adjusted = np.array(holm(p))
    order = np.argsort(p, kind="stable")
    assert (adjusted >= np.array(p)).all()
    assert (np.diff(adjusted[order]) >= 0).all()
    assert adjusted[order[0]] == pytest.approx(min(1, len(p) * min(p)))
