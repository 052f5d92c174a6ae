"""Frechet distance over the probe's embedding: needs nothing but the package."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, VideoView
from lt_bench.evaluation.metrics.distribution.feature_distance import DistributionMetric
from lt_bench.evaluation.metrics.synthetic.probe_track import ProbeMetric, probe_track


@dataclass(frozen=True)
class FdProbe(ProbeMetric, DistributionMetric):
    """Likeness of the distribution of synthetic faces; blind to time, and to what the probe was not trained to see."""

    name = "fd_probe"
    title = "Frechet distance of probe embeddings"
    lowest = 0.0
    extrapolates = True
    source = "distance: Heusel et al. 2017, arXiv 1706.08500; network: the package's probe"

    def features(self, video: VideoView, clip: ClipContext) -> Float[ndarray, "N D"]:
        """Embeddings of the scored frames."""
        return probe_track(video).embedding[clip.scored]
