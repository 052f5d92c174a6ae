"""A biased score of a set at infinitely many clips (Chong and Forsyth 2020, arXiv 1911.07023)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.metrics.base import SetMetric
from lt_bench.evaluation.results.result_file import Extrapolation

MIN_CLIPS = 8
"""With fewer, halves of the set say nothing of its trend."""
POINTS, DRAWS = 6, 3


def extrapolate(
    score: SetMetric,
    collected: Sequence[Mapping[str, ndarray]],
    points: int = POINTS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Extrapolation | None:
    """The score at N = infinity, from random subsets of whole clips between half of them and all.

    To first order a Frechet distance is biased by a constant over N, so it is a straight line over 1/N whose intercept
    is the value without bias. Subsets are of clips, not of frames, since frames of one clip are not independent; both
    sides shrink together, for the real set is as small as the generated one. Where N is not far above the features'
    dimension the line bends, and the intercept is still too high for small true distances: look at the error.

    Args:
        score: which.
        collected: of every clip, in a fixed order.
        points: sizes of subsets.
        draws: subsets of each size but the whole.
        seed: of the draws.

    Returns:
        None with fewer than ``MIN_CLIPS`` clips, or where a subset has no value.
    """
    count = len(collected)
    if count < MIN_CLIPS:
        return None
    sizes = sorted({round(size) for size in np.linspace(count / 2, count, points)})
    rng = np.random.default_rng([seed, count])
    values = []
    try:
        for size in sizes:
            chosen = [np.sort(rng.permutation(count)[:size]) for _ in range(1 if size == count else draws)]
            values.append(float(np.mean([score.combine([collected[i] for i in part]) for part in chosen])))
    except LtBenchError:
        return None
    intercept, error = line_intercept(1 / np.array(sizes, float), np.array(values))
    return Extrapolation(intercept, error, tuple(sizes), tuple(values))


def line_intercept(x: ndarray, y: ndarray) -> tuple[float, float]:
    """Intercept of the least-squares line through at least three points, and its standard error."""
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    intercept = float(y.mean() - slope * x.mean())
    left = y - intercept - slope * x
    variance = float(left @ left) / (len(x) - 2)
    return intercept, math.sqrt(variance * (1 / len(x) + x.mean() ** 2 / float(centred @ centred)))
