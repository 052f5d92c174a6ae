"""Frechet distance over the probe's embedding: needs nothing but the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from lt_bench.evaluation.results import Reference
from lt_bench.evaluation.scores.base import ClipContext, Features, SetScore, register
from lt_bench.evaluation.scores.frechet import frechet_distance, real_floor
from lt_bench.evaluation.scores.probe_track import ProbeScore, probe_track


@register
@dataclass(frozen=True)
class FdProbe(ProbeScore, SetScore):
    """Likeness of the distribution of synthetic faces; blind to time, and to what the probe was not trained to see."""

    name = "fd_probe"
    title = "Frechet distance of probe embeddings"
    higher_is_better = False
    lowest = 0.0
    source = "distance: Heusel et al. 2017, arXiv 1706.08500; network: the package's probe"

    def collect(self, clip: ClipContext) -> Features:
        """Embeddings of both videos."""
        both = {"generated": clip.generated, "real": clip.real}
        return {side: probe_track(video).embedding[clip.scored] for side, video in both.items()}

    def combine(self, collected: Sequence[Mapping[str, ndarray]]) -> float:
        """The distance between all generated and all real frames."""
        return frechet_distance(*(np.concatenate([c[side] for c in collected]) for side in ("generated", "real")))

    def describe(self, collected: Sequence[Mapping[str, ndarray]]) -> str:
        """Dimension, and frames on either side."""
        return f"d={collected[0]['real'].shape[1]}, N={sum(len(c['real']) for c in collected)}"

    def floor(self, collected: Sequence[Mapping[str, ndarray]]) -> Reference | None:
        """Real against real."""
        return real_floor(collected)
