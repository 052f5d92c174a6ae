"""A system that failed on clips is ranked by the worst there is, when asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lt_bench.evaluation.results import Miss, Result, save_result
from lt_bench.leaderboard.boards import build_boards
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.collect import Entry, collect
from lt_bench.leaderboard.imputation import NOTE, impute_worst
from tests.leaderboard.conftest import fake_result


def without(result: Result, count: int) -> Result:
    """The same result with its first clips missed."""
    lost = {clip.id for clip in result.clips[:count]}
    clips = tuple(replace(clip, frames=0) if clip.id in lost else clip for clip in result.clips)
    scores = {}
    for name, score in result.scores.items():
        left = {i: v for i, v in score.per_video.items() if i not in lost}
        value = float(np.mean(list(left.values()))) if left else score.value
        scores[name] = replace(score, per_video=left, value=value, scored=score.scored - count)
    misses = tuple(Miss(name, None, "broken") for name in lost)
    return replace(result, clips=clips, misses=misses, scores=scores)


def entry(result: Result) -> Entry:
    return Entry(Path(result.system), result.system, "", "", 0, "done", "", result, None, None)


def test_what_is_missed_counts_as_the_worst_of_any_system() -> None:
    whole, failing = fake_result("whole-a", 0.6), without(fake_result("failing-b", 0.9), 6)
    assert len(build_boards([entry(whole), entry(failing)])) == 2  # not comparable as they are
    made = impute_worst([entry(whole), entry(failing)])
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
    entries = [entry(fake_result("a-a", 0.6)), entry(fake_result("b-b", 0.7))]
    assert impute_worst(entries) == tuple(entries)


def test_the_option_joins_the_tables(tmp_path: Path) -> None:
    save_result(fake_result("whole-a", 0.6), tmp_path / "a.json")
    save_result(without(fake_result("failing-b", 0.9), 6), tmp_path / "b.json")
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    assert len(collect(paths)) == 2
    assert len(build_leaderboard(paths, tmp_path / "apart").boards) == 2
    assert len(build_leaderboard(paths, tmp_path / "joined", impute=True).boards) == 1
