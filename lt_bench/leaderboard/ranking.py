"""Which system is best in a score, and which cannot be told from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lt_bench.errors import ResultError
from lt_bench.evaluation.statistics import holm, paired_difference
from lt_bench.evaluation.two_way import two_way_mean
from lt_bench.leaderboard.rows import Row, ScoreSummary

HEADLINES = ("lip_corr", "lip_sync_open", "sync_c")
"""Scores that order the rows where a protocol has them: a talking head is for talking."""
SIGNIFICANCE = 0.05
NO_INTERVAL = "no interval to tell it from the best by: too few identities"
Mark = Literal["best", "tie", "behind", "unranked"]


@dataclass(frozen=True)
class Verdict:
    """How one system stands in one score."""

    mark: Mark
    """How it stands.

    ``tie``: not distinguishable from the best; for a score of a whole set, whose videos cannot be paired, the intervals
    overlap. ``unranked``: no value, no direction, measured otherwise, or nothing to test it by.
    """
    p_value: float | None = None
    """Against the best, paired by video, Holm-corrected over the systems of the score; None where untested.

    Clustered by identity and by seed where both systems have several seeds: it then tells of ways to train. With one
    seed it is clustered by identity alone, and tells of these two trained models.
    """
    note: str = ""
    """Why it is unranked."""


def headline(rows: Sequence[Row]) -> str | None:
    """The score that orders the rows: of those with a direction and values, one of ``HEADLINES`` or else the first."""
    names = dict.fromkeys((*HEADLINES, *(name for row in rows for name in row.scores)))
    for name in names:
        found = [row.scores[name] for row in rows if name in row.scores]
        if any(s.value is not None and s.score.higher_is_better is not None for s in found):
            return name
    return None


def sort_key(row: Row, name: str | None) -> tuple[int, float, str]:
    """Best first, systems without a value last."""
    summary = row.scores.get(name) if name else None
    value = summary.value if summary else None
    if summary is None or value is None:
        return (1 if row.results else 2, 0.0, row.system)
    return (0, -value if summary.score.higher_is_better else value, row.system)


def judge(rows: Sequence[Row]) -> dict[str, dict[str, Verdict]]:
    """Verdicts by score and system. The paired tests of a score are corrected together."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        best = _best(rows, name)
        verdicts[name] = {row.system: _first_verdict(row, best, name) for row in rows}
        tests = {row.system: _p_value(row, best, name) for row in rows if verdicts[name][row.system].mark == "behind"}
        tested = {system: p for system, p in tests.items() if p is not None}
        for system, adjusted in zip(tested, holm(list(tested.values())), strict=True):
            verdicts[name][system] = Verdict("tie" if adjusted > SIGNIFICANCE else "behind", adjusted)
    return verdicts


def _best(rows: Sequence[Row], name: str) -> Row | None:
    # A score that a system has for fewer videos than the others is no competitor.
    ranked = [row for row in rows if name in row.scores and row.scores[name].value is not None]
    if len(ranked) < 2 or ranked[0].scores[name].score.higher_is_better is None or is_control(name, ranked[0]):
        return None  # nothing is best alone, and a score without a direction has no best
    most = max(row.scores[name].score.scored for row in ranked)
    return min((row for row in ranked if row.scores[name].score.scored == most), key=lambda row: sort_key(row, name))


def is_control(name: str, row: Row) -> bool:
    """Whether a score is the shuffled control of another, which nothing is best in."""
    return name.endswith("_shuffled") and name.removesuffix("_shuffled") in row.scores


def _first_verdict(row: Row, best: Row | None, name: str) -> Verdict:
    if best is None or name not in row.scores or row.scores[name].value is None:
        return Verdict("unranked")
    if row is best:
        return Verdict("best")
    try:
        row.results[0].comparable_score(best.results[0], name)
    except ResultError as error:
        return Verdict("unranked", note=str(error))
    mine, theirs = row.scores[name], best.scores[name]
    if mine.value == theirs.value:
        return Verdict("tie")
    return _by_intervals(mine, theirs) if mine.score.scope == "set" else Verdict("behind")


def _by_intervals(mine: ScoreSummary, theirs: ScoreSummary) -> Verdict:
    # A score of a whole set has no videos to pair: only intervals that are apart tell two systems apart.
    if mine.low is None or mine.high is None or theirs.low is None or theirs.high is None:
        return Verdict("unranked", note=NO_INTERVAL)
    return Verdict("tie" if max(mine.low, theirs.low) <= min(mine.high, theirs.high) else "behind")


def _p_value(row: Row, best: Row | None, name: str) -> float | None:
    if best is None:
        return None
    mine, theirs = row.scores[name], best.scores[name]
    shared = _shared(mine, theirs)
    if mine.score.scope != "video" or len(shared) < 2:
        return None
    clusters = row.results[0].clusters(shared)
    a, b = (np.array([summary.per_video[i] for i in shared]).T for summary in (mine, theirs))
    seeds = min(len(a), len(b))
    if seeds > 1:  # seeds of two systems are no pairs, which the order they are in cannot make worse or better
        return two_way_mean(a[:seeds] - b[:seeds], clusters).p_value
    return paired_difference(a.mean(0), b.mean(0), clusters).p_value


def _shared(a: ScoreSummary, b: ScoreSummary) -> list[str]:
    return [i for i in a.per_video if i in b.per_video]
