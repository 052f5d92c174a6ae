"""Rows of a leaderboard: one system with all its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import Result, Score
from lt_bench.evaluation.statistics.cluster import Interval, UndefinedError
from lt_bench.evaluation.statistics.two_way import Mean, two_way_mean
from lt_bench.leaderboard.tables.collect import Entry


@dataclass(frozen=True)
class ScoreSummary:
    """One score of one system over its seeds."""

    score: Score
    """As the first seed's file has it: title, unit, direction."""
    values: tuple[float, ...]
    """One a seed that has it."""
    low: float | None
    """Of the confidence interval; None where there is none, or the seeds are not alike.

    Over identities with one seed: it tells of that trained model. Over seeds and identities with several
    (``lt_bench.evaluation.statistics.two_way``), over seeds alone for scores of a whole set.
    """
    high: float | None
    per_video: dict[str, tuple[float, ...]]
    """One number a seed, in the order of ``values``, for the videos that every seed has."""
    missing: str
    """Why there is no value."""
    unlike: str = ""
    """Why the seeds make no mean: one lacks the value, or has it for other clips, by another detector or with other
    settings."""

    @property
    def value(self) -> float | None:
        """Mean over the seeds."""
        return statistics.fmean(self.values) if self.values else None

    def of_video(self, video: str) -> float:
        """Mean over the seeds of one video's."""
        return statistics.fmean(self.per_video[video])

    @property
    def sd(self) -> float | None:
        """Standard deviation over the seeds (n - 1); None for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """One system under one protocol."""

    system: str
    portrait: str
    audio: str
    entries: tuple[Entry, ...]
    """Its seeds, those with a result first."""
    scores: dict[str, ScoreSummary]

    @property
    def results(self) -> tuple[Result, ...]:
        """Results of the seeds that have one."""
        return tuple(entry.result for entry in self.entries if entry.result is not None)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that have a result."""
        return tuple(r.seed for r in self.results if r.seed is not None)

    @property
    def state(self) -> str:
        """``done`` when every seed is, else the state of the first that is not."""
        return next((entry.state for entry in self.entries if entry.state != "done"), "done")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why seeds have no result, each once."""
        return tuple(dict.fromkeys(e.reason or e.state for e in self.entries if e.result is None))

    def cost(self, key: str) -> float | int | None:
        """Mean over the seeds of a number in the results' ``meta``; None where it is not told."""
        found = [r.meta.get(key) for r in self.results]
        numbers = [float(v) for v in found if isinstance(v, (int, float)) and not isinstance(v, bool)]
        mean = statistics.fmean(numbers) if numbers else None
        return int(mean) if mean is not None and mean.is_integer() else mean


def build_row(entries: Sequence[Entry]) -> Row:
    """The row of one system's seeds (at least one)."""
    ordered = tuple(sorted(entries, key=lambda e: (e.result is None, e.seed is None, e.seed or 0, str(e.source))))
    first = ordered[0]
    # Named by their seeds, so that reasons tell them apart.
    results = [replace(r, system=f"{r.system} seed {r.seed}") for e in ordered if (r := e.result) is not None]
    names = dict.fromkeys(name for result in results for name in result.scores)
    scores = {name: _summary(name, results) for name in names}
    return Row(first.system, first.portrait, first.audio, ordered, scores)


def _summary(name: str, results: Sequence[Result]) -> ScoreSummary:
    found = [(r, r.scores[name]) for r in results if name in r.scores]
    with_value = [(r, s) for r, s in found if s.value is not None]
    if not with_value:
        return ScoreSummary(found[0][1], (), None, None, {}, found[0][1].missing or "no value")
    score = with_value[0][1]
    shared = [i for i in score.per_video if all(i in s.per_video for _, s in with_value)]
    per_video = {i: tuple(s.per_video[i] for _, s in with_value) for i in shared}
    values = tuple(s.value for _, s in with_value if s.value is not None)
    unlike = _difference(name, results)
    interval = None if unlike else _interval(score, values, per_video, results[0].clusters(shared))
    low, high = (interval.low, interval.high) if interval else (None, None)
    return ScoreSummary(score, values, low, high, per_video, "", unlike)


def _difference(name: str, results: Sequence[Result]) -> str:
    """The first difference between the seeds; empty where they are alike."""
    try:
        for other in results[1:]:
            results[0].comparable_score(other, name)
    except ResultError as error:
        return str(error)
    return ""


def _interval(
    score: Score, values: tuple[float, ...], per_video: dict[str, tuple[float, ...]], clusters: list[str]
) -> Interval | Mean | None:
    if len(values) == 1:
        return score.interval
    try:
        if score.scope == "set":
            return two_way_mean(np.array([values]).T, ["all"])
        if score.aggregate == "mean" and per_video:
            return two_way_mean(np.array(list(per_video.values())).T, clusters)
    except UndefinedError:  # all numbers are the same
        return None
    return None
