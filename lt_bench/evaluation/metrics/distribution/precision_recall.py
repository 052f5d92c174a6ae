"""Precision and recall of distributions over Inception features: fidelity and diversity apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.metrics.distribution.inception_frames import InceptionMetric
from lt_bench.evaluation.statistics.cluster import UndefinedError

NEIGHBOURS = 3
SOURCE = f"Kynkaanniemi et al. 2019, arXiv 1904.06991, k={NEIGHBOURS}, by torch-fidelity; network as for FID"
_ROWS = 2000


def precision_recall(generated: Float[ndarray, "N D"], real: Float[ndarray, "M D"]) -> tuple[float, float]:
    """Precision: generated rows within reach of a real one. Recall: real rows within reach of a generated one.

    A row's reach is its distance to its third neighbour on its own side. A generator that repeats one good picture has
    high precision and low recall.

    Raises:
        UndefinedError: a side has fewer than four rows, or features are not finite.
    """
    import torch
    from torch_fidelity.metric_prc import calculate_precision_recall_part

    if min(len(generated), len(real)) <= NEIGHBOURS:
        raise UndefinedError(
            f"precision and recall: expected more than {NEIGHBOURS} frames a side, got {len(generated)}, {len(real)}"
        )
    if not (np.isfinite(generated).all() and np.isfinite(real).all()):
        raise UndefinedError("precision and recall: expected finite features, got others")
    made, true = (torch.from_numpy(np.asarray(side, np.float64)) for side in (generated, real))
    return calculate_precision_recall_part(made, true, NEIGHBOURS, _ROWS)


class _PrecisionRecall(InceptionMetric):
    higher_is_better = True
    floor_kind = "ceiling"
    lowest = 0.0
    source = SOURCE


@dataclass(frozen=True)
class Precision(_PrecisionRecall):
    """Share of generated frames that look like some real frame.

    Neighbouring frames of one video are near to each other, so distances are short: compare it with the ceiling.
    """

    name = "precision"
    title = f"precision of distributions, k={NEIGHBOURS}"

    def distance(self, generated: Rows, real: Rows) -> float:
        """The share."""
        return precision_recall(generated.whole(), real.whole())[0]


@dataclass(frozen=True)
class Recall(_PrecisionRecall):
    """Share of real frames that the generated ones cover; see ``precision``."""

    name = "recall"
    title = f"recall of distributions, k={NEIGHBOURS}"

    def distance(self, generated: Rows, real: Rows) -> float:
        """The share."""
        return precision_recall(generated.whole(), real.whole())[1]
