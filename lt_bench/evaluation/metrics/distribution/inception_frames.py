"""Inception features of sampled frames, shared by FID, KID, precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, VideoView
from lt_bench.evaluation.metrics.distribution.feature_distance import DistributionMetric
from lt_bench.evaluation.metrics.words import every
from lt_bench.files import sha256_json
from lt_bench.perception.inception import SIDE, WEIGHTS, Resize, inception_features

INPUT = {
    "tf1": f"TF1 bilinear to {SIDE} px, (x - 128) / 128",
    "pytorch": f"PyTorch bilinear to {SIDE} px, 2x/255 - 1 as pytorch-fid",
}


@dataclass(frozen=True)
class InceptionMetric(DistributionMetric):
    """A distance over pool features of the TensorFlow Inception of 2015-12-05. Not the "Inception Score"."""

    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    stride: int = 1
    """Scored frames from one sampled frame to the next."""
    resize: Resize = "tf1"
    """How frames are brought to the network's input."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def detector(self) -> str:
        """Hash of weights and input convention."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(WEIGHTS).sha256, INPUT[self.resize]])

    @property
    def detail(self) -> str:
        """Network, input, frames."""
        return f"TF Inception 2015-12-05 pool, {INPUT[self.resize]}, uint8 RGB, {every(self.stride)}"

    def features(self, video: VideoView, clip: ClipContext) -> Float[ndarray, "N 2048"]:
        """Pool features of the frames looked at; shared by all scores with the same settings."""
        key = f"inception {self.detector} from {clip.first_frame} stride {self.stride}"
        chosen = slice(clip.first_frame, None, self.stride)

        def compute() -> dict[str, ndarray]:
            return {"pool": inception_features(video.frames[chosen], self.resize)}

        return video.features(key, compute, heard=False)["pool"]
