"""The Frechet distance between two samples, exactly, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.results.result_file import Reference
from lt_bench.evaluation.statistics.cluster import UndefinedError

REDUCE_AT = 4
"""Rows over the dimension at which those read so far are replaced by their triangular factor."""


def frechet_distance(x: Float[ndarray, "N D"], y: Float[ndarray, "M E"], ddof: int = 1) -> float:
    """Frechet distance between the Gaussians of two samples (Heusel et al. 2017, arXiv 1706.08500, equation 6).

    With centred samples X, Y the trace of the root of the product of covariances is the nuclear norm of X Y^T over
    sqrt((n-1)(m-1)), so no matrix root is taken and samples may be smaller than the dimension. Larger ones are first
    reduced to their triangular factor, which has the same product. The estimate is biased upwards, the more the
    smaller the samples: never compare values of different N.

    Args:
        x: one row a sample.
        y: another sample of the same dimension; the order does not matter.
        ddof: covariances are sums over n - ddof; StyleGAN-V's program takes 0.

    Raises:
        UndefinedError: fewer than two rows, different dimensions, or a value that is not finite.
    """
    return frechet_distance_of_parts([x], [y], ddof)


def frechet_distance_of_parts(x: Iterable[ndarray], y: Iterable[ndarray], ddof: int = 1) -> float:
    """``frechet_distance`` of samples that come in parts, each gone through twice; memory does not grow with them.

    Raises:
        UndefinedError: as ``frechet_distance``.
    """
    (rows_x, mean_x), (rows_y, mean_y) = _count_and_mean(x), _count_and_mean(y)
    if mean_x.shape != mean_y.shape or min(rows_x, rows_y) < 2:
        shapes = f"{(rows_x, *mean_x.shape)} and {(rows_y, *mean_y.shape)}"
        raise UndefinedError(f"Frechet distance: expected two samples of one dimension, got {shapes}")
    shift = mean_x - mean_y
    p = _factor((part - mean_x) / np.sqrt(rows_x - ddof) for part in _parts(x))
    q = _factor((part - mean_y) / np.sqrt(rows_y - ddof) for part in _parts(y))
    cross = np.linalg.norm(p @ q.T, "nuc")
    return max(float(shift @ shift + np.sum(p * p) + np.sum(q * q) - 2 * cross), 0.0)  # rounding may fall below zero


def real_floor(
    collected: Sequence[Mapping[str, ndarray]],
    key: str = "real",
    distance: Callable[[Rows, Rows], float] = frechet_distance_of_parts,
    kind: Literal["ceiling", "floor"] = "floor",
) -> Reference | None:
    """Compare the first halves of all real videos with their second halves.

    Both halves show the same people and scenes, as generated and real videos do, but other speech and head motion. The
    halves are smaller than the compared sets, so this floor is slightly too high; the note states their N. Returns None
    if a half has fewer than two frames.
    """
    first, second = Rows(collected, key, 0), Rows(collected, key, 1)
    try:
        value = distance(first, second)
    except UndefinedError:
        return None
    counts = [sum(map(len, half)) for half in (first, second)]
    note = f"real against real, first halves of the videos (N={counts[0]}) against the second (N={counts[1]})"
    return Reference(kind, value, note)


def _parts(x: Iterable[ndarray]) -> Iterator[Float64[ndarray, "n D"]]:
    for part in x:
        rows = np.asarray(part, np.float64)
        if rows.ndim != 2:
            raise UndefinedError(f"Frechet distance: expected two samples of one dimension, got rows {rows.shape}")
        if not np.isfinite(rows).all():
            raise UndefinedError("Frechet distance: expected finite features, got others")
        yield rows


def _count_and_mean(x: Iterable[ndarray]) -> tuple[int, Float64[ndarray, " D"]]:
    count, total = 0, np.zeros(0)
    for rows in _parts(x):
        total = rows.sum(axis=0) + (total if count else 0.0)
        count += len(rows)
    return count, total / max(count, 1)


def _factor(parts: Iterable[Float64[ndarray, "n D"]]) -> Float64[ndarray, "K D"]:
    """Rows with the same inner products between columns: at most as many as there are columns."""
    held: list[ndarray] = []
    for part in parts:
        held.append(part)
        if len(held) > 1 and sum(map(len, held)) > REDUCE_AT * part.shape[1]:
            held = [_reduced(np.concatenate(held))]
    return _reduced(np.concatenate(held))


def _reduced(rows: Float64[ndarray, "N D"]) -> Float64[ndarray, "K D"]:
    return np.asarray(np.linalg.qr(rows, mode="r")) if len(rows) > rows.shape[1] else rows
