"""How well each metric's values of single videos agree with human ratings of the same videos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import Result, Score
from lt_bench.evaluation.statistics.cluster import LEVEL, RESAMPLES, Interval, UndefinedError, spearman
from lt_bench.leaderboard.agreement.ratings import Ratings

FEWEST = 3
"""Videos, or pairs, below which no coefficient is given."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement with its interval."""

    value: float
    interval: Interval | None
    """By whole identities; None with fewer than two, or where resamples leave the coefficient undefined."""
    count: int
    """Videos, or pairs of videos, that it rests on."""


@dataclass(frozen=True)
class MetricAgreement:
    """Agreement of one metric; a coefficient that does not exist is None and ``missing`` says why."""

    metric: str
    higher_is_better: bool | None
    spearman: Coefficient | None
    """Rank correlation of goodness and mean rating over videos."""
    kendall: Coefficient | None
    """Kendall's tau-b of the same."""
    pairwise_accuracy: Coefficient | None
    """Share of pairs of systems on one clip whose better video, by the people, the metric also finds better.

    A tie of the metric counts half. Pairs that people find equal are left out.
    """
    missing: str | None


@dataclass(frozen=True)
class Agreement:
    """Agreement of all metrics of some results."""

    metrics: tuple[MetricAgreement, ...]
    raters: int
    left_out_raters: dict[str, str]
    unmatched: tuple[str, ...]
    """Ratings of videos that no result has, as ``system/clip``."""

    def document(self) -> dict[str, Any]:
        """Return a JSON document."""
        return asdict(self)


def metric_agreement(
    results: Sequence[Result], ratings: Ratings, seed: int = 0, resamples: int = RESAMPLES
) -> Agreement:
    """Compare every per-video metric of some results with ratings of their videos.

    Values are turned so that larger is better: a metric with a target by its distance to it. Intervals are percentile
    bootstraps by whole identities. A metric of whole sets has no value of a single video and is reported as missing.

    Args:
        results: one per system, of one protocol and the same clips.
        ratings: opinions or preferences.
        seed: seed of the bootstrap.
        resamples: bootstrap samples.

    Raises:
        ResultError: two results have one system name, are not comparable, or no rating matches a video.
    """
    by_system = {result.system: result for result in results}
    if len(by_system) != len(results):
        raise ResultError("results: expected one result per system name, got a name twice")
    first = results[0]
    for other in results[1:]:
        first.comparable_with(other)
    identity = {clip.id: clip.identity for clip in first.clips}
    pairs = _human_pairs(ratings)
    rated = {*ratings.opinions, *((system, clip) for clip, a, b, _ in pairs for system in (a, b))}
    known = {(system, clip) for system in by_system for clip in identity}
    if not rated & known:
        raise ResultError("ratings: expected videos of these results (system and clip), got none of them")
    names = list(dict.fromkeys(name for result in results for name in result.scores))
    found = [_of_metric(name, by_system, ratings, pairs, identity, (seed, resamples)) for name in names]
    unmatched = tuple(sorted(f"{system}/{clip}" for system, clip in rated - known))
    return Agreement(tuple(found), ratings.raters, ratings.left_out, unmatched)


def goodness(score: Score) -> dict[str, float]:
    """Return the per-video values of a score, turned so that larger is better; empty where it has no better."""
    if score.target is not None:
        return {clip: -abs(value - score.target) for clip, value in score.per_video.items()}
    if score.higher_is_better is None:
        return {}
    sign = 1.0 if score.higher_is_better else -1.0
    return {clip: sign * value for clip, value in score.per_video.items()}


def _human_pairs(ratings: Ratings) -> list[tuple[str, str, str, float]]:
    """List pairs (clip, a, b, preference for a above 1/2), from preferences or from opinions of the same clip."""
    votes: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for answer in ratings.preferences:
        a, b, preferred = answer.system_a, answer.system_b, answer.preferred
        if a > b:
            a, b, preferred = b, a, 1 - preferred
        votes[answer.clip, a, b].append(preferred)
    found = [(*key, float(np.mean(values)) - 0.5) for key, values in sorted(votes.items())]
    by_clip: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for (system, clip), value in sorted(ratings.opinions.items()):
        by_clip[clip].append((system, value))
    for clip, entries in by_clip.items():
        for i, (a, x) in enumerate(entries):
            found += [(clip, a, b, x - y) for b, y in entries[i + 1 :]]
    return [pair for pair in found if pair[3]]


def _of_metric(
    name: str,
    results: dict[str, Result],
    ratings: Ratings,
    pairs: list[tuple[str, str, str, float]],
    identity: dict[str, str],
    draws: tuple[int, int],
) -> MetricAgreement:
    scores = {system: result.scores[name] for system, result in results.items() if name in result.scores}
    example = next(iter(scores.values()))
    values = {(system, clip): v for system, score in scores.items() for clip, v in goodness(score).items()}
    if not values:
        what = "has no better direction" if example.scope == "video" and example.per_video else "has no value per video"
        return MetricAgreement(name, example.higher_is_better, None, None, None, f"the metric {what}")
    videos = [(key, rating) for key, rating in ratings.opinions.items() if key in values]
    x, y = np.array([values[key] for key, _ in videos]), np.array([rating for _, rating in videos])
    groups = [identity[clip] for (_, clip), _ in videos]
    hits, hit_groups = [], []
    for clip, a, b, preference in pairs:
        if (a, clip) in values and (b, clip) in values:
            gap = values[a, clip] - values[b, clip]
            hits.append(0.5 if not gap else float((gap > 0) == (preference > 0)))
            hit_groups.append(identity[clip])
    rank = _coefficient(lambda i: spearman(x[i], y[i]), len(x), groups, *draws)
    tau = _coefficient(_kendall(x, y), len(x), groups, *draws)
    accuracy = _coefficient(lambda i: float(np.mean(np.array(hits)[i])), len(hits), hit_groups, *draws)
    missing = None
    if rank is None and accuracy is None:
        missing = f"expected at least {FEWEST} rated videos or pairs whose values differ, got {len(x)} and {len(hits)}"
    return MetricAgreement(name, example.higher_is_better, rank, tau, accuracy, missing)


def _kendall(x: ndarray, y: ndarray) -> Callable[[ndarray], float]:
    """Return Kendall's tau-b (Kendall 1945) as a function of indices, which may repeat."""
    sign_x, sign_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    agree, untied_x, untied_y = sign_x * sign_y, sign_x**2, sign_y**2

    def tau(indices: ndarray) -> float:
        times = np.bincount(indices, minlength=len(x)).astype(float)
        scale = (times @ untied_x @ times) * (times @ untied_y @ times)
        if not scale:
            raise UndefinedError("kendall: expected two varying series, got a constant one")
        return float(times @ agree @ times / np.sqrt(scale))

    return tau


def _coefficient(
    statistic: Callable[[ndarray], float], count: int, groups: list[str], seed: int, resamples: int
) -> Coefficient | None:
    """Compute a statistic of entries, given by their indices, with a bootstrap interval by groups."""
    if count < FEWEST:
        return None
    try:
        value = statistic(np.arange(count))
    except UndefinedError:
        return None
    names = sorted(set(groups))
    members = [np.flatnonzero(np.array(groups) == name) for name in names]
    interval = None
    if len(names) > 1:
        rng, draws = np.random.default_rng([seed, count]), []
        for _ in range(resamples):
            chosen = np.concatenate([members[k] for k in rng.integers(len(names), size=len(names))])
            try:
                draws.append(statistic(chosen))
            except UndefinedError:
                continue
        if len(draws) > resamples / 2:
            low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            interval = Interval(float(low), float(high), LEVEL, "cluster bootstrap", len(names), len(draws))
    return Coefficient(float(value), interval, count)
