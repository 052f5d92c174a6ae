"""Which system is best in a score, and which cannot be told from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lt_bench.errors import ResultError
from lt_bench.evaluation.statistics import holm, paired_difference
from lt_bench.leaderboard.rows import Row, ScoreSummary

HEADLINES = ("lip_corr", "lip_sync_open", "sync_c")
"""Scores that order the rows where a protocol has them: a talking head is for talking."""
SIGNIFICANCE = 0.05
Mark = Literal["best", "tie", "behind", "unranked"]


@dataclass(frozen=True)
class Verdict:
    """How one system stands in one score."""

    mark: Mark
    """How it stands.

    ``tie``: not distinguishable from the best; for a score of a whole set, whose videos cannot be paired, the intervals
    overlap. ``unranked``: no value, no direction, or measured otherwise.
    """
    p_value: float | None = None
    """Against the best, paired by video, clustered by identity, Holm-corrected over the table; None where untested."""
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
    """Verdicts by score and system. All paired tests of the table are corrected together."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    tests: list[tuple[str, str, float]] = []
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        best = _best(rows, name)
        verdicts[name] = {row.system: _first_verdict(row, best, name) for row in rows}
        for row in rows:
            p = _p_value(row, best, name) if best and verdicts[name][row.system].mark == "behind" else None
            if p is not None:
                tests.append((name, row.system, p))
    for (name, system, _), adjusted in zip(tests, holm([p for *_, p in tests]), strict=True):
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
    return Verdict("tie" if mine.value == theirs.value or _sets_overlap(mine, theirs) else "behind")


def _sets_overlap(mine: ScoreSummary, theirs: ScoreSummary) -> bool:
    # A score of a whole set has no videos to pair: only intervals that are apart tell two systems apart.
    ends = (mine.low, mine.high, theirs.low, theirs.high)
    if mine.score.scope != "set" or None in ends:
        return False
    return max(mine.low, theirs.low) <= min(mine.high, theirs.high)  # type: ignore[type-var]


def _p_value(row: Row, best: Row, name: str) -> float | None:
    mine, theirs = row.scores[name], best.scores[name]
    shared = _shared(mine, theirs)
    if mine.score.scope != "video" or len(shared) < 2:
        return None
    clusters = row.results[0].clusters(shared)
    return paired_difference(
        [mine.per_video[i] for i in shared], [theirs.per_video[i] for i in shared], clusters
    ).p_value


def _shared(a: ScoreSummary, b: ScoreSummary) -> list[str]:
    return [i for i in a.per_video if i in b.per_video]
