"""A system that failed on clips is ranked by the worst there is, when asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import Fault
from lt_bench.evaluation.results.result_file import Miss, Result, Score, save_result
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.imputation import NOTE, impute_worst
from tests.leaderboard.conftest import around, entry_of, fake_result, measured


def without(result: Result, count: int) -> Result:
    """The same result with its first clips missed."""
    lost = {clip.id for clip in result.clips[:count]}
    clips = tuple(replace(clip, frames=0) if clip.id in lost else clip for clip in result.clips)
    scores = {}
    for name, score in result.scores.items():
        left = {i: v for i, v in score.per_video.items() if i not in lost}
        value = float(np.mean(list(left.values()))) if left else score.value
        scores[name] = replace(score, per_video=left, value=value, scored=score.scored - count)
    misses = tuple(Miss(name, None, "broken", fault="generated") for name in lost)
    return replace(result, clips=clips, misses=misses, scores=scores)


def test_what_is_missed_counts_as_the_worst_of_any_system() -> None:
    whole, failing = fake_result("whole-a", 0.6), without(fake_result("failing-b", 0.9), 6)
    assert len(build_boards([entry_of(whole), entry_of(failing)])) == 2  # not comparable as they are
    made = impute_worst([entry_of(whole), entry_of(failing)])
    boards = build_boards(made)
    assert len(boards) == 1
    result = made[1].result
    assert result is not None
    score = result.scores["lip_corr"]
    worst = min([*whole.scores["lip_corr"].per_video.values(), *failing.scores["lip_corr"].per_video.values()])
    assert [score.per_video[clip.id] for clip in whole.clips[:6]] == [worst] * 6
    assert score.scored == 12
    assert NOTE in score.title
    assert made[0].result.scores["lip_corr"].per_video == whole.scores["lip_corr"].per_video  # type: ignore[union-attr]
    lower = result.scores["mouth_error"]
    assert lower.per_video[whole.clips[0].id] == max(
        [*whole.scores["mouth_error"].per_video.values(), *failing.scores["mouth_error"].per_video.values()]
    )
    assert result.misses == failing.misses  # still listed


def test_nothing_changes_where_nothing_is_missed() -> None:
    entries = [entry_of(fake_result("a-a", 0.6)), entry_of(fake_result("b-b", 0.7))]
    assert impute_worst(entries) == tuple(entries)


def test_the_option_joins_the_tables(tmp_path: Path) -> None:
    save_result(fake_result("whole-a", 0.6), tmp_path / "a.json")
    save_result(without(fake_result("failing-b", 0.9), 6), tmp_path / "b.json")
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    assert len(collect(paths)) == 2
    assert len(build_leaderboard(paths, tmp_path / "apart").boards) == 2
    assert len(build_leaderboard(paths, tmp_path / "joined", impute=True).boards) == 1


def imputed(*results: Result, name: str = "lip_corr") -> list[Score]:
    """This score of each, after imputation."""
    made = impute_worst([entry_of(result) for result in results])
    return [entry.result.scores[name] for entry in made if entry.result is not None]


def three_missed(system: str, fault: Fault = "generated", level: float = 0.9, **changes: object) -> Result:
    """A system whose first three clips were missed by this fault."""
    result = measured(system, [None] * 3 + around(level)[3:], **changes)
    return replace(result, misses=tuple(replace(miss, fault=fault) for miss in result.misses))


def test_imputed_and_whole_results_compare() -> None:
    whole, failing = measured("whole", around(0.4)), three_missed("failing")
    first, second = imputed(whole, failing)
    assert first.title == second.title == f"{whole.scores['lip_corr'].title}, {NOTE}"
    assert first.scored == second.scored == 12
    (board,) = build_boards(impute_worst([entry_of(whole), entry_of(failing)]))
    assert {verdict.mark for verdict in board.verdicts["lip_corr"].values()} <= {"best", "tie", "behind"}


@pytest.mark.parametrize("fault", ["reference", "environment"])
def test_what_the_generated_video_is_not_to_blame_for_stays_missed(fault: Fault) -> None:
    whole, other = measured("whole", around(0.5)), three_missed("other", fault)
    assert imputed(whole, other) == [whole.scores["lip_corr"], other.scores["lip_corr"]]


def test_the_wording_of_a_reason_decides_nothing() -> None:
    whole, failing = measured("whole", around(0.5)), three_missed("failing")
    reworded = replace(failing, misses=tuple(replace(m, reason="the real video is absent") for m in failing.misses))
    assert imputed(whole, reworded) == imputed(whole, failing)
    assert imputed(whole, reworded)[1].scored == 12


def test_only_scores_of_the_same_settings_are_imputed_from() -> None:
    failing, peer = three_missed("failing"), measured("peer", around(0.7))
    other = measured("other", around(0.1), settings={"stride": 9})
    first, _, third = imputed(failing, peer, other)
    assert min(first.per_video.values()) == min(peer.scores["lip_corr"].per_video.values())
    assert third == other.scores["lip_corr"]


def test_a_score_that_is_missing_as_a_whole_stays_missing() -> None:
    none = measured("none", around(0.5), value=None, interval=None, per_video={}, scored=0, missing="asset x is absent")
    assert imputed(measured("whole", around(0.5)), none)[1] == none.scores["lip_corr"]


def test_the_worst_is_that_of_the_same_detector() -> None:
    failing, peer = three_missed("failing"), measured("peer", around(0.7))
    other = measured("other", around(0.1), detector="another")
    first, _, third = imputed(failing, peer, other)
    assert min(first.per_video.values()) == min(peer.scores["lip_corr"].per_video.values())
    assert third == other.scores["lip_corr"]


def test_clips_scored_at_another_length_still_do_not_compare() -> None:
    whole, failing = fake_result("whole-a", 0.6), without(fake_result("failing-b", 0.9), 2)
    short = replace(whole, system="short-c", clips=tuple(replace(clip, frames=60) for clip in whole.clips))
    boards = build_boards(impute_worst([entry_of(r) for r in (whole, failing, short)]))
    assert [sorted(row.system for row in board.rows) for board in boards] == [["failing-b", "whole-a"], ["short-c"]]
