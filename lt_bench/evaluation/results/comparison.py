"""Comparison of two systems on the same clips: differences, intervals, and tests corrected over the table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from lt_bench.evaluation.results.result_file import Result, Score, different_settings
from lt_bench.evaluation.statistics.cluster import Interval, aggregate, holm, paired_difference

ALPHA = 0.05
Verdict = Literal["a", "b", "tie", "differs", "untested"]
"""``a`` or ``b`` is better; ``tie``: no difference shown; ``differs``: a difference in a score without a better."""


@dataclass(frozen=True)
class Row:
    """One score of two systems."""

    score: str
    title: str
    unit: str
    higher_is_better: bool | None
    target: float | None
    a: float | None
    """Where clips are paired, the mean over those that both have: of the distances where there is a target."""
    b: float | None
    difference: float | None
    """a - b."""
    interval: Interval | None
    clips: int
    """Shared clips that it rests on."""
    p_value: float | None
    """Of the paired test, as it is."""
    p_holm: float | None
    """Corrected over the table."""
    verdict: Verdict
    note: str


@dataclass(frozen=True)
class Comparison:
    """All scores of two systems."""

    system_a: str
    system_b: str
    protocol: str
    real: str
    given: int
    scored: int
    rows: tuple[Row, ...]
    alpha: float = ALPHA

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


def compare(a: Result, b: Result, alpha: float = ALPHA) -> Comparison:
    """Compare two results, score by score, on the clips that both scored.

    Intervals and tests are over identities (``paired_difference``), and p-values are corrected by Holm's method over
    all tested scores. For a score with a target, such as a ratio whose best is 1, the distances to the target are
    compared and shown. A score of a whole set has no clips to pair: its systems are told apart only where their
    intervals do not overlap, and that is said.

    Raises:
        ResultError: the results are of different protocols, real sets, lengths or N; the difference is named.
    """
    a.comparable_with(b)
    names = [name for name in a.scores if name in b.scores]
    drafts = [_draft(a, b, name) for name in names]
    tested = [i for i, draft in enumerate(drafts) if draft.p_value is not None]
    for i, p in zip(tested, holm([drafts[i].p_value for i in tested]), strict=True):  # type: ignore[misc]
        drafts[i] = dataclasses.replace(drafts[i], p_holm=p, verdict=_verdict(drafts[i], p, alpha))
    return Comparison(
        a.system,
        b.system,
        f"{a.protocol.id} version {a.protocol.version}",
        f"{a.real.dataset}/{a.real.split} {a.real.hash[:12]}",
        a.given,
        a.scored,
        tuple(drafts),
        alpha,
    )


def _draft(a: Result, b: Result, name: str) -> Row:
    first, second = a.scores[name], b.scores[name]
    if first.value is None or second.value is None:
        why = "; ".join(f"{r.system}: {s.missing}" for r, s in ((a, first), (b, second)) if s.missing)
        return _row(first, second, note=why)
    if first.detector != second.detector:
        return _row(first, second, note="measured otherwise: detector differs")
    if different := different_settings(first, second):
        return _row(first, second, note=f"measured otherwise: {different}")
    shared = [clip.id for clip in a.clips if clip.id in a.clips_of(name) & b.clips_of(name)]
    left = len(a.clips_of(name) ^ b.clips_of(name))
    if first.scope == "set":
        return _of_sets(first, second, left)
    return _paired(first, second, a.clusters(shared), shared, left)


def _paired(first: Score, second: Score, clusters: list[str], shared: list[str], left: int) -> Row:
    x, y = (_compared(score, shared) for score in (first, second))
    notes = [f"distances to the target {first.target:g} are compared"] if first.target is not None else []
    notes += ["means, where the score is a median"] if first.target is None and first.aggregate == "median" else []
    notes += [f"{left} clips that only one has are left out"] if left else []
    row = _row(first, second, clips=len(shared))
    if shared:
        row = dataclasses.replace(row, a=aggregate(x), b=aggregate(y))
    if len(set(clusters)) < 2:
        return dataclasses.replace(row, note="; ".join([*notes, "fewer than two identities: no test"]))
    found = paired_difference(x, y, clusters)
    return dataclasses.replace(
        row, difference=found.value, interval=found.interval, p_value=found.p_value, note="; ".join(notes)
    )


def _compared(score: Score, shared: list[str]) -> list[float]:
    values = [score.per_video[i] for i in shared]
    return values if score.target is None else [abs(value - score.target) for value in values]


def _of_sets(first: Score, second: Score, left: int) -> Row:
    assert first.value is not None
    assert second.value is not None
    if left:
        return _row(first, second, note=f"scores of different sets: {left} clips that only one has")
    row = _row(first, second, first.value - second.value, clips=min(first.scored, second.scored))
    if first.interval is None or second.interval is None:
        return dataclasses.replace(row, note="a score of the set, without intervals: not tested")
    apart = max(first.interval.low, second.interval.low) > min(first.interval.high, second.interval.high)
    verdict: Verdict = _side(first, first.value - second.value) if apart else "tie"
    note = "a score of the set: intervals that " + ("do not overlap" if apart else "overlap")
    return dataclasses.replace(row, verdict=verdict, note=note)


def _verdict(row: Row, p: float, alpha: float) -> Verdict:
    if p > alpha or not row.difference:
        return "tie"
    lower = row.target is not None or row.higher_is_better is False
    if row.target is None and row.higher_is_better is None:
        return "differs"
    return "a" if (row.difference < 0) == lower else "b"


def _side(score: Score, difference: float) -> Verdict:
    if score.higher_is_better is None:
        return "differs"
    return "a" if (difference > 0) == score.higher_is_better else "b"


def _row(first: Score, second: Score, difference: float | None = None, clips: int = 0, note: str = "") -> Row:
    head = (first.name, first.title, first.unit, first.higher_is_better, first.target, first.value, second.value)
    return Row(*head, difference, None, clips, None, None, "untested", note)
