"""Content-debiased FVD: the Frechet distance over VideoMAE features of windows, which see motion as I3D does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import VideoView
from lt_bench.evaluation.metrics.distribution.video_windows import WindowMetric
from lt_bench.files import sha256_json
from lt_bench.perception.videomae import FRAMES, SIDE, WEIGHTS, videomae_features


@dataclass(frozen=True)
class FvdVideoMae(WindowMetric):
    """Likeness of the distribution of short windows, with an eye for motion. Not comparable with ``fvd``."""

    name = "fvd_videomae"
    title = "content-debiased FVD"
    source = "Ge et al. 2024, arXiv 2404.12391 (cd-fvd); network: VideoMAE v2, arXiv 2303.16727"
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames != FRAMES:
            raise ValueError(f"frames: expected {FRAMES}, which the network was trained on, got {self.frames}")

    @property
    def detector(self) -> str:
        """Hash of weights and input convention."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(WEIGHTS).sha256, SIDE, "[0, 1] bilinear"])

    @property
    def detail(self) -> str:
        """Network, input, windows."""
        return f"VideoMAE v2 ViT-g SSv2 mean features, [0, 1] bilinear to {SIDE} px, {self.choice}"

    def window_features(self, video: VideoView, start: int) -> Float[ndarray, " D"]:
        """Features of the mean token."""
        return videomae_features(video.frames[start : start + self.frames])
