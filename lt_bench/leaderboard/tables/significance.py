"""Verdicts on the systems of a table: best, tied with the best, or behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lt_bench.errors import ResultError
from lt_bench.evaluation.statistics.cluster import UndefinedError, holm, paired_difference
from lt_bench.evaluation.statistics.two_way import two_way_mean
from lt_bench.leaderboard.tables.ranking import contenders, is_control, with_value
from lt_bench.leaderboard.tables.rows import Row, ScoreSummary

SIGNIFICANCE = 0.05
NO_INTERVAL = "no interval to tell it from the best by: too few identities"
FEW_CLIPS = "no test to tell it from the best by: fewer than two clips"
CONSTANT = "no test to tell it from the best by: the difference is the same for every seed and clip"
OTHER_SIGN = "the difference that was tested has the other direction than the one that is shown"
Mark = Literal["best", "tie", "behind", "unranked"]


@dataclass(frozen=True)
class Verdict:
    """How one system stands in one score."""

    mark: Mark
    """How it stands.

    ``tie``: not distinguishable from the best; for a score of a whole set, whose videos cannot be paired, the intervals
    overlap. ``behind``: the tested difference is significant and has the sign of the shown one. ``unranked``: no value,
    no direction, measured otherwise, or nothing to test it by.
    """
    p_value: float | None = None
    """Against the best, paired by video, Holm-corrected over the systems of the score; None where untested.

    Clustered by identity and by seed where both systems have several seeds: it then tells of ways to train. With one
    seed it is clustered by identity alone, and tells of these two trained models. Where one system has more seeds than
    the other has, and that has several, its first ones are tested: an average over more seeds varies less than the
    other's, and no standard error of this kind knows of it. The shown means are still over all, so that a tested
    difference of the other sign is a tie.
    """
    note: str = ""
    """Why it is unranked, or a tie without a p-value."""


@dataclass(frozen=True)
class _Test:
    p_value: float
    tested: float
    """Mean difference from the best, of the seeds and videos that were tested."""
    shown: float
    """Difference of the values that the table shows."""


def judge(rows: Sequence[Row]) -> dict[str, dict[str, Verdict]]:
    """Verdicts by score and system. The paired tests of a score are corrected together."""
    names = dict.fromkeys(name for row in rows for name in row.scores)
    return {name: _judge(rows, name) for name in names}


def _judge(rows: Sequence[Row], name: str) -> dict[str, Verdict]:
    best = _best(rows, name)
    drafts = {row.system: _draft(row, best, name) for row in rows}
    verdicts = {system: draft for system, draft in drafts.items() if isinstance(draft, Verdict)}
    tests = {system: draft for system, draft in drafts.items() if isinstance(draft, _Test)}
    corrected = holm([test.p_value for test in tests.values()])
    return verdicts | {system: _tested(tests[system], p) for system, p in zip(tests, corrected, strict=True)}


def _tested(test: _Test, p_value: float) -> Verdict:
    if test.tested * test.shown < 0:
        return Verdict("tie", note=OTHER_SIGN)
    return Verdict("tie" if p_value > SIGNIFICANCE else "behind", p_value)


def _best(rows: Sequence[Row], name: str) -> Row | None:
    ranked = contenders(rows, name)
    if not ranked or len(with_value(rows, name)) < 2:
        return None  # nothing is best alone
    if ranked[0].scores[name].score.higher_is_better is None or is_control(name, ranked[0]):
        return None
    return ranked[0]


def _draft(row: Row, best: Row | None, name: str) -> Verdict | _Test:
    """The verdict, or the test that it depends on."""
    mine = row.scores.get(name)
    if mine is None or mine.value is None:
        return Verdict("unranked")
    if mine.unlike or best is None:
        return Verdict("unranked", note=mine.unlike)
    if row is best:
        return Verdict("best")
    try:
        row.results[0].comparable_score(best.results[0], name)  # the other seeds are like the first
    except ResultError as error:
        return Verdict("unranked", note=str(error))
    theirs = best.scores[name]
    if mine.value == theirs.value:
        return Verdict("tie")
    return _by_intervals(mine, theirs) if mine.score.scope == "set" else _by_videos(row, mine, theirs)


def _by_intervals(mine: ScoreSummary, theirs: ScoreSummary) -> Verdict:
    # A score of a whole set has no videos to pair: only intervals that are apart tell two systems apart.
    if mine.low is None or mine.high is None or theirs.low is None or theirs.high is None:
        return Verdict("unranked", note=NO_INTERVAL)
    return Verdict("tie" if max(mine.low, theirs.low) <= min(mine.high, theirs.high) else "behind")


def _by_videos(row: Row, mine: ScoreSummary, theirs: ScoreSummary) -> Verdict | _Test:
    shared = [i for i in mine.per_video if i in theirs.per_video]
    if len(shared) < 2:
        return Verdict("unranked", note=FEW_CLIPS)
    clusters = row.results[0].clusters(shared)
    a, b = (np.array([summary.per_video[i] for i in shared]).T for summary in (mine, theirs))
    seeds = min(len(a), len(b))
    try:  # seeds of two systems are no pairs, which the order they are in cannot make worse or better
        several = two_way_mean(a[:seeds] - b[:seeds], clusters) if seeds > 1 else None
    except UndefinedError:
        return Verdict("unranked", note=CONSTANT)
    found = several or paired_difference(a.mean(0), b.mean(0), clusters)
    return _Test(found.p_value, found.value, (mine.value or 0.0) - (theirs.value or 0.0))
