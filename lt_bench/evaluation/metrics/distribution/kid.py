"""KID: the kernel distance over Inception features of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.metrics.distribution.inception_frames import InceptionMetric
from lt_bench.evaluation.statistics.cluster import UndefinedError

_ROWS = 1024


def kernel_distance(x: Float[ndarray, "N D"], y: Float[ndarray, "M D"]) -> float:
    """Unbiased squared MMD with the kernel (x . y / d + 1)^3 over all pairs (Binkowski et al. 2018, equation 4).

    The mean over random subsets that other programs print estimates the same number; all pairs need no random draw.
    Unbiased, so it can be negative, and unlike a Frechet distance does not shrink as N grows.

    Raises:
        UndefinedError: fewer than two rows, different dimensions, or a value that is not finite.
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise UndefinedError(f"KID: expected two samples of one dimension, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedError("KID: expected finite features, got others")
    n, m = len(a), len(b)
    within = (_kernel_sum(a, a) - _diagonal(a)) / (n * (n - 1)) + (_kernel_sum(b, b) - _diagonal(b)) / (m * (m - 1))
    return float(within - 2 * _kernel_sum(a, b) / (n * m))


def _kernel_sum(a: Float[ndarray, "N D"], b: Float[ndarray, "M D"]) -> float:
    # In blocks of rows, so that memory grows with N and not with its square.
    blocks = (a[start : start + _ROWS] @ b.T / a.shape[1] + 1 for start in range(0, len(a), _ROWS))
    return float(sum(np.sum(block**3) for block in blocks))


def _diagonal(a: Float[ndarray, "N D"]) -> float:
    return float(np.sum((np.sum(a * a, axis=1) / a.shape[1] + 1) ** 3))


@dataclass(frozen=True)
class Kid(InceptionMetric):
    """Likeness of the distribution of frames, without FID's bias of small sets."""

    name = "kid"
    title = "KID (unbiased, all pairs)"
    source = "Binkowski et al. 2018, arXiv 1801.01401: polynomial kernel of degree 3; network as for FID"

    def distance(self, generated: Rows, real: Rows) -> float:
        """The squared MMD."""
        return kernel_distance(generated.whole(), real.whole())
