"""Statistics over videos that are not independent: resampling is by cluster (identity), never by video or frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.errors import LtBenchError

RESAMPLES = 2000
LEVEL = 0.95
FEW_CLUSTERS = 8
"""With fewer clusters Student's t takes the bootstrap's place: of 3 clusters its 95% intervals held 75%, of 5 91%."""
ROUNDING = 1e-12
"""Standard errors of so small a part of the numbers are those of equal clusters."""
EXACT_CLUSTERS = 12
"""Number of clusters up to which all sign flips are enumerated."""
MAX_FLIPS, MIN_HITS = 100_000, 20
"""Sign flips at most, where they are drawn, and as extreme ones that suffice."""
Aggregate = Literal["mean", "median"]
_AGGREGATES: dict[str, Callable[..., ndarray]] = {"mean": np.mean, "median": np.median}


class UndefinedError(LtBenchError):
    """A statistic that these numbers do not have, such as the correlation of a constant."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval. One without width, of clusters that all agree, only says that none was seen to differ."""

    low: float
    high: float
    level: float
    """Nominal coverage, such as 0.95."""
    method: str
    """``cluster bootstrap``, ``cluster t`` (means of fewer than ``FEW_CLUSTERS`` clusters) or ``cluster jackknife``."""
    clusters: int
    """Independent units it rests on."""
    resamples: int
    """0 where nothing is drawn or left out."""


@dataclass(frozen=True)
class Difference:
    """Mean of ``a - b`` over the same videos."""

    value: float
    interval: Interval | None
    """None with fewer than two clusters, or with fewer than ``FEW_CLUSTERS`` that all agree."""
    p_value: float
    """Two-sided, by the method that ``paired_difference`` names."""


def aggregate(values: Sequence[float] | ndarray, statistic: Aggregate = "mean") -> float:
    """The mean or median of at least one number."""
    array = np.asarray(values, float)
    if array.size == 0 or not np.isfinite(array).all():
        raise UndefinedError(f"{statistic}: expected at least one finite number, got {array.size} values")
    return float(_AGGREGATES[statistic](array))


def cluster_bootstrap(
    values: Sequence[float] | ndarray,
    clusters: Sequence[str],
    statistic: Aggregate = "mean",
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval | None:
    """Confidence interval of the mean or median of one number a video, by whole clusters.

    Of ``FEW_CLUSTERS`` or more it is the expanded percentile interval of a bootstrap: the plain percentile interval is
    too narrow by sqrt((n-1)/n) and by normal against t quantiles, which matters for a dozen identities (Hesterberg
    2015, arXiv 1411.5279, section 4.3). Where all clusters agree it has no width.

    Of fewer it is Student's t interval of the mean, with one degree of freedom less than clusters and a standard error
    by clusters (Liang and Zeger 1986, times G / (G - 1)). It takes the clusters' means for normal, which so few cannot
    show, and may reach beyond the range that a score can have.

    Args:
        values: one number a video.
        clusters: cluster (identity) of each video.
        statistic: the statistic to estimate.
        resamples: bootstrap samples.
        level: nominal coverage.
        seed: of the resampling; the same numbers give the same interval.

    Returns:
        The interval, or None where the clusters say nothing of the spread: fewer than two; fewer than ``FEW_CLUSTERS``
        that all agree, or of which the median is asked for.
    """
    array = np.asarray(values, float)
    groups = _groups(clusters, len(array))
    if len(groups) < 2:
        return None
    if len(groups) < FEW_CLUSTERS:
        return _t_interval(array, groups, level) if statistic == "mean" else None
    rng = np.random.default_rng([seed, len(groups)])
    draws = rng.integers(len(groups), size=(resamples, len(groups)))
    if statistic == "mean":
        sums = np.array([array[g].sum() for g in groups])
        sizes = np.array([len(g) for g in groups])
        estimates = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    else:
        estimates = np.array([aggregate(array[np.concatenate([groups[i] for i in d])], statistic) for d in draws])
    tail = _expanded_tail(len(groups), level)
    low, high = np.quantile(estimates, [tail, 1 - tail])
    return Interval(float(low), float(high), level, "cluster bootstrap", len(groups), resamples)


def paired_difference(
    a: Sequence[float] | ndarray,
    b: Sequence[float] | ndarray,
    clusters: Sequence[str],
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same videos.

    The interval is ``cluster_bootstrap``'s of the mean of ``a - b``. With fewer than ``FEW_CLUSTERS`` clusters the
    p-value is that of the same Student's t: below 1 - ``level`` just where the interval leaves out zero.

    With more clusters, and where few all agree, it is that of a sign-flip test of "a and b are interchangeable within
    every cluster"; close to 1 - ``level`` it and the bootstrap's interval may differ. Flips are enumerated up to
    ``EXACT_CLUSTERS`` clusters and else drawn, with the (1 + hits) / (1 + draws) estimate, which never is 0 (Phipson
    and Smyth 2010). Draws go on, ``resamples`` at a time, until ``MIN_HITS`` are as extreme, at most ``MAX_FLIPS``
    (Besag and Clifford 1991): a table of many systems corrects over hundreds of tests, which no p-value of few draws
    survives.

    Args:
        a: one number a video.
        b: one number a video, in the same order.
        clusters: cluster (identity) of each video.
        resamples: bootstrap samples, and sign flips where they are drawn.
        level: nominal coverage of the interval.
        seed: of both.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise UndefinedError(f"paired difference: expected as many values, got {first.size} and {second.size}")
    gap = first - second
    value = aggregate(gap)
    interval = cluster_bootstrap(gap, clusters, "mean", resamples, level, seed)
    groups = _groups(clusters, len(gap))
    if interval is not None and len(groups) < FEW_CLUSTERS:
        return Difference(value, interval, _t_p(gap, groups))
    sums = np.array([gap[g].sum() for g in groups])
    return Difference(value, interval, _sign_flip_p(sums, resamples, seed))


def jackknife_interval(value: float, replicates: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Interval of a set-level score from its delete-one-group replicates: value +- t sqrt((g-1)/g sum (r - mean r)^2).

    A bootstrap of a Frechet distance is biased, for repeated videos lower the effective N; leaving out does not repeat.
    Returns None with fewer than three groups.
    """
    from scipy.special import stdtrit

    groups = len(replicates)
    if groups < 3:
        return None
    spread = np.asarray(replicates, float) - np.mean(replicates)
    error = math.sqrt((groups - 1) / groups * float(spread @ spread))
    half = float(stdtrit(groups - 1, 0.5 + level / 2)) * error
    return Interval(value - half, value + half, level, "cluster jackknife", groups, groups)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979): family-wise error over a whole table."""
    p = np.asarray(p_values, float)
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise UndefinedError(f"holm: expected p-values in [0, 1], got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted.tolist()


def pearson(x: Float[ndarray, " N"], y: Float[ndarray, " M"]) -> float:
    """Pearson's correlation.

    Raises:
        UndefinedError: fewer than two values, different lengths, a value that is not finite, or a constant.
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise UndefinedError(f"correlation: expected two series of one length >= 2, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedError("correlation: expected finite numbers, got others")
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(a @ a) * math.sqrt(b @ b)
    size = max(float(np.abs(np.asarray(x)).max() * np.abs(np.asarray(y)).max()), np.finfo(float).tiny)
    if scale <= 1e-12 * size * len(a):
        raise UndefinedError("correlation: expected two varying series, got a constant one")
    return float(np.clip(a @ b / scale, -1.0, 1.0))


def spearman(x: Float[ndarray, " N"], y: Float[ndarray, " M"]) -> float:
    """Spearman's rank correlation, ties at their mean rank.

    Raises:
        UndefinedError: as ``pearson``.
    """
    from scipy.stats import rankdata

    a, b = np.asarray(x, float), np.asarray(y, float)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedError("correlation: expected finite numbers, got others")
    return pearson(rankdata(a), rankdata(b))


def _groups(clusters: Sequence[str], count: int) -> list[ndarray]:
    if len(clusters) != count:
        raise UndefinedError(f"clusters: expected one a value, got {len(clusters)} for {count} values")
    names, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    return [np.flatnonzero(index == k) for k in range(len(names))]


def _t_interval(array: ndarray, groups: list[ndarray], level: float) -> Interval | None:
    from scipy.special import stdtrit

    mean, error = float(array.mean()), _cluster_error(array, groups)
    if not error:
        return None
    half = float(stdtrit(len(groups) - 1, 0.5 + level / 2)) * error
    return Interval(mean - half, mean + half, level, "cluster t", len(groups), 0)


def _t_p(array: ndarray, groups: list[ndarray]) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(len(groups) - 1, -abs(array.mean()) / _cluster_error(array, groups)))


def _cluster_error(array: ndarray, groups: list[ndarray]) -> float:
    """Standard error of the mean of all numbers, from the sums of residuals by cluster; 0 where they are rounding."""
    gaps = array - array.mean()
    sums = np.array([gaps[g].sum() for g in groups])
    error = math.sqrt(len(groups) / (len(groups) - 1) * float(sums @ sums)) / len(array)
    return error if error > ROUNDING * float(np.abs(array).max()) else 0.0


def _expanded_tail(groups: int, level: float) -> float:
    # scipy.special has the quantiles of scipy.stats without its seconds of importing.
    from scipy.special import ndtr, stdtrit

    return float(ndtr(stdtrit(groups - 1, (1 - level) / 2) * math.sqrt(groups / (groups - 1))))


def _sign_flip_p(sums: ndarray, draws: int, seed: int) -> float:
    observed = abs(sums.sum()) * (1 - 1e-12)  # equal sums stay equal under rounding
    count = len(sums)
    if count <= EXACT_CLUSTERS:
        signs = 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(np.abs(signs @ sums) >= observed))
    rng, hits, done = np.random.default_rng([seed, count, 1]), 0, 0
    while done < MAX_FLIPS and hits < MIN_HITS:
        up = rng.integers(0, 2, size=(draws, count), dtype=np.int8)
        hits += np.count_nonzero(np.abs(2 * (up @ sums) - sums.sum()) >= observed)
        done += draws
    return float((1 + hits) / (1 + done))
