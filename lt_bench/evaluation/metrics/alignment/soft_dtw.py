"""Soft-DTW divergence of two equally long sequences within a Sakoe-Chiba band.

Costs are kept as a band: column ``c`` of row ``i`` is the cost of frame ``i`` of the first sequence and frame
``i + c - band`` of the second, so that only costs that a path may use are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray

Distance = Callable[[Int[ndarray, " K"], Int[ndarray, " K"]], Float64[ndarray, " K"]]
"""Distances of K pairs of frames, given by their indices in the two sequences."""


def soft_dtw_divergence(
    between: Float64[ndarray, "N W"], within_a: Float64[ndarray, "N W"], within_b: Float64[ndarray, "N W"], gamma: float
) -> float:
    """Return the soft-DTW divergence per step of the best path.

    The divergence, soft_dtw(a, b) - (soft_dtw(a, a) + soft_dtw(b, b)) / 2, is 0 for equal sequences, which soft-DTW
    itself is not (Blondel, Mensch and Vert 2021, arXiv 2010.08354, equation 8). It is divided by the number of steps
    of the best path without smoothing, so videos of all lengths compare, and a band of 0 gives the mean cost of equal
    frames. Costs that are no squared Euclidean distances may make it slightly negative; it is then 0.

    Args:
        between: costs of the first sequence against the second, as a band.
        within_a: costs of the first sequence against itself, as a band.
        within_b: costs of the second sequence against itself, as a band.
        gamma: smoothing, positive, in the unit of the costs; towards 0 the minimum over paths is sharp.
    """
    self_costs = (soft_dtw(within_a, gamma) + soft_dtw(within_b, gamma)) / 2
    return max(0.0, (soft_dtw(between, gamma) - self_costs) / path_length(between))


def soft_dtw(costs: Float64[ndarray, "N W"], gamma: float) -> float:
    """Return the soft minimum over all paths of the sum of costs (Cuturi and Blondel 2017, arXiv 1703.01541, eq. 1).

    Example:
        >>> costs = band_of(lambda i, j: abs(i - j).astype(float), length=3, band=1)
        >>> round(soft_dtw(costs, gamma=1e-3), 6)
        0.0

    Raises:
        ValueError: gamma is not positive.
    """
    if not gamma > 0:
        raise ValueError(f"gamma: expected a positive number, got {gamma}")
    length, width = costs.shape
    before = [math.inf] * (width + 1)
    for i in range(length):
        row = [math.inf] * (width + 1)  # the last entry stands for what lies outside the band
        for c in range(width):
            if math.isinf(costs[i, c]):
                continue
            # In a band, the cell above is one column to the right, and the diagonal one is straight above.
            steps = (before[c], before[c + 1], row[c - 1] if c else math.inf)
            start = 0.0 if i == 0 and c == width // 2 else _soft_minimum(steps, gamma)
            row[c] = float(costs[i, c]) + start
        before = row
    return before[width // 2]


def path_length(costs: Float64[ndarray, "N W"]) -> int:
    """Return the number of steps of a path of least cost; among equal ones, of the shortest."""
    length, width = costs.shape
    worst = (math.inf, 0)
    before = [worst] * (width + 1)
    for i in range(length):
        row = [worst] * (width + 1)
        for c in range(width):
            if math.isinf(costs[i, c]):
                continue
            start = i == 0 and c == width // 2
            cost, steps = (0.0, 0) if start else min(before[c], before[c + 1], row[c - 1] if c else worst)
            row[c] = (cost + float(costs[i, c]), steps + 1)
        before = row
    return before[width // 2][1]


def band_of(distance: Distance, length: int, band: int) -> Float64[ndarray, "N W"]:
    """Return the costs of all pairs of frames at most ``band`` apart; infinity beyond the sequences' ends.

    Args:
        distance: of pairs of frames.
        length: frames of each sequence.
        band: frames, at least 0.

    Raises:
        ValueError: there is no frame, or the band is negative.
    """
    if length < 1 or band < 0:
        raise ValueError(f"expected at least 1 frame and a band of at least 0, got {length} and {band}")
    costs = np.full((length, 2 * band + 1), np.inf)
    for offset in range(-band, band + 1):
        rows = np.arange(max(0, -offset), min(length, length - offset))
        if len(rows):
            costs[rows, offset + band] = distance(rows, rows + offset)
    return costs


def _soft_minimum(values: tuple[float, ...], gamma: float) -> float:
    least = min(values)
    if math.isinf(least):
        return math.inf
    return least - gamma * math.log(sum(math.exp((least - value) / gamma) for value in values))
