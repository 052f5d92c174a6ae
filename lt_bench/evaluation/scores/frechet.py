"""The Frechet distance between two samples, exactly, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.results import Reference
from lt_bench.evaluation.statistics import UndefinedError


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
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise UndefinedError(f"Frechet distance: expected two samples of one dimension, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedError("Frechet distance: expected finite features, got others")
    shift = a.mean(axis=0) - b.mean(axis=0)
    p, q = _factor(a, ddof), _factor(b, ddof)
    cross = np.linalg.norm(p @ q.T, "nuc")
    return max(float(shift @ shift + np.sum(p * p) + np.sum(q * q) - 2 * cross), 0.0)  # rounding may fall below zero


def real_floor(
    collected: Sequence[Mapping[str, ndarray]],
    key: str = "real",
    distance: Callable[[ndarray, ndarray], float] = frechet_distance,
    kind: Literal["ceiling", "floor"] = "floor",
) -> Reference | None:
    """Real videos against real videos: the first halves of all against their second halves.

    People and scenes are the same on both sides, as they are when a generator is given the portraits; what is said and
    how the heads move differs. The halves are smaller than the sets that were compared, so this floor is a little too
    high; the note says their N. None where a half has fewer than two frames.
    """
    halves = [np.array_split(features[key], 2) for features in collected]
    first, second = (np.concatenate([half[side] for half in halves]) for side in (0, 1))
    try:
        value = distance(first, second)
    except UndefinedError:
        return None
    note = f"real against real, first halves of the videos (N={len(first)}) against the second (N={len(second)})"
    return Reference(kind, value, note)


def _factor(x: Float[ndarray, "N D"], ddof: int) -> Float[ndarray, "K D"]:
    centred = (x - x.mean(axis=0)) / np.sqrt(len(x) - ddof)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
