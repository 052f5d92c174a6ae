"""FID: the Frechet distance over Inception features of frames."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.evaluation.metrics.distribution.inception_frames import InceptionMetric


@dataclass(frozen=True)
class Fid(InceptionMetric):
    """Likeness of the distribution of frames; blind to time.

    Small sets dominate it: identical distributions are far from 0 where N is not far above 2048, so compare with the
    floor, and never across N. JPEG and video codecs move it: compare videos of one codec and quality.
    """

    name = "fid"
    title = "FID"
    lowest = 0.0
    extrapolates = True
    source = "Heusel et al. 2017, arXiv 1706.08500; network of torch-fidelity, uint8 frames, covariances over n - 1"
