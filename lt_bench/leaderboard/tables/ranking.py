"""Ranking of the rows of a table by a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lt_bench.leaderboard.tables.rows import Row

HEADLINES = ("lip_corr", "lip_sync_open", "sync_c")
"""Scores that order the rows where a protocol has them: a talking head is for talking."""


def headline(rows: Sequence[Row]) -> str | None:
    """The score that orders the rows: of those with a direction and values, one of ``HEADLINES`` or else the first."""
    names = dict.fromkeys((*HEADLINES, *(name for row in rows for name in row.scores)))
    for name in names:
        found = [row.scores[name] for row in rows if name in row.scores]
        if any(s.value is not None and s.score.higher_is_better is not None for s in found):
            return name
    return None


def with_value(rows: Sequence[Row], name: str) -> list[Row]:
    """Rows that have a value of a score, whether or not it can be ranked."""
    return [row for row in rows if name in row.scores and row.scores[name].value is not None]


def contenders(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows that a score ranks, best first; by name where it has no better direction.

    Their seeds are measured alike and all have a value, and they agree with each other in clips, detector and settings.
    Where rows disagree, those of the most clips are ranked, and of those the largest number that agrees: a system that
    has a score for fewer videos than the others is no competitor.
    """
    alike = [row for row in with_value(rows, name) if not row.scores[name].unlike]
    kinds = [_kind(row, name) for row in alike]
    votes = Counter(kinds)
    chosen = max(kinds, key=lambda kind: (kind[0], votes[kind]), default=None)
    return sorted((r for r, kind in zip(alike, kinds, strict=True) if kind == chosen), key=lambda r: _place(r, name))


def ordered(rows: Sequence[Row], name: str | None) -> tuple[Row, ...]:
    """Best first; then rows that the score cannot rank with those, rows without a value, and rows without a result."""
    ranked = contenders(rows, name) if name else []
    unranked = [row for row in (with_value(rows, name) if name else []) if row not in ranked]
    rest = [row for row in rows if row not in ranked and row not in unranked]
    rest.sort(key=lambda row: (not row.results, row.system))
    return (*ranked, *sorted(unranked, key=lambda row: _place(row, name or "")), *rest)


def control_name(name: str) -> str:
    """Name of the metric that is the shuffled control of another."""
    return f"{name}_shuffled"


def is_control(name: str, row: Row) -> bool:
    """Whether a score is the shuffled control of another, which nothing is best in."""
    return any(name == control_name(other) for other in row.scores)


def _kind(row: Row, name: str) -> tuple[int, str, str, frozenset[str]]:
    score = row.scores[name].score
    return score.scored, score.detector, score.settings_hash, row.results[0].clips_of(name)


def _place(row: Row, name: str) -> tuple[float, str]:
    summary = row.scores[name]
    better = summary.score.higher_is_better
    return (0.0 if better is None else -(summary.value or 0.0) if better else summary.value or 0.0, row.system)
