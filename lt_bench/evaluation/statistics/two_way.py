"""The mean of numbers that share two random factors: each was measured on a person, by a model of some seed.

Standard errors clustered by both (Cameron, Gelbach and Miller 2011, doi 10.1198/jbes.2010.07136): the variance by one
factor, plus that by the other, less that by both together. That estimate can be too small, even negative, with few
clusters, so the largest of the three is taken (MacKinnon, Nielsen and Webb 2024, arXiv 2406.08880). Intervals and
p-values are those of Student's t with as many degrees of freedom as the smaller number of clusters has, less one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from lt_bench.evaluation.statistics.cluster import LEVEL, UndefinedError

POWER = 0.8
ROUNDING = 1e-12
"""Standard errors of so small a part of the numbers are those of equal numbers."""


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error and interval."""

    value: float
    low: float
    high: float
    p_value: float
    """Two-sided, of "the mean is zero"."""
    error: float
    """Standard error."""
    degrees: int
    """Of freedom."""

    @property
    def detectable(self) -> float:
        """The size of a mean that would be found at 5% with a probability of 80%."""
        return float(self.error * (stats.t.ppf(0.975, self.degrees) + stats.t.ppf(POWER, self.degrees)))


def two_way_mean(values: Float[ndarray, "seeds videos"], clusters: Sequence[str], level: float = LEVEL) -> Mean:
    """The mean over seeds and videos.

    Args:
        values: one number for each seed and video; one column for numbers of a whole set, clustered by seed only.
        clusters: identity of each video.
        level: nominal coverage of the interval.

    Raises:
        UndefinedError: fewer than two seeds, a number that is not finite, another number of clusters than videos, or
            numbers that are all the same and not zero, of which no error can be known.
    """
    seeds, videos = values.shape
    if seeds < 2 or len(clusters) != videos or not np.isfinite(values).all():
        raise UndefinedError(
            f"two-way mean: expected finite numbers of at least 2 seeds for {len(clusters)} videos, got {values.shape}"
        )
    gaps = values - values.mean()
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    by_identity = np.zeros((seeds, len(names)))
    np.add.at(by_identity.T, [names[name] for name in clusters], gaps.T)
    variances = [_variance(by_identity.sum(axis=1), values.size)]
    if len(names) > 1:
        people, both = (_variance(s, values.size) for s in (by_identity.sum(axis=0), by_identity.ravel()))
        variances += [people, variances[0] + people - both]
    error, degrees = math.sqrt(max(variances)), min(seeds, len(names) if len(names) > 1 else seeds) - 1
    value, reach = float(values.mean()), float(error * stats.t.ppf((1 + level) / 2, degrees))
    if value and error <= ROUNDING * np.abs(values).max():
        raise UndefinedError(f"two-way mean: expected numbers that vary, got {value:.6g} from every seed and video")
    p_value = float(2 * stats.t.sf(abs(value) / error, degrees)) if error else 1.0
    return Mean(value, value - reach, value + reach, p_value, error, degrees)


def _variance(sums: Float[ndarray, " clusters"], numbers: int) -> float:
    """Of the mean of all numbers, from the sums of residuals by cluster."""
    return float(len(sums) / (len(sums) - 1) * np.sum(sums**2) / numbers**2)
