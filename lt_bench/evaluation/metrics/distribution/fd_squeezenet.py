"""Frechet distance over features of SqueezeNet 1.1; not an FID, whose network is another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.errors import AssetError
from lt_bench.evaluation.metrics.base import ClipContext, VideoView
from lt_bench.evaluation.metrics.distribution.feature_distance import DistributionMetric
from lt_bench.evaluation.metrics.words import every
from lt_bench.files import sha256_json
from lt_bench.perception.device import kept_network
from lt_bench.shapes import Frames

WEIGHTS = "squeezenet1_1_caffe.safetensors"
INPUT_SIZE = 224
MEAN_BGR = (104.006, 116.669, 122.679)
_BATCH = 8


def squeezenet_features(frames: Frames) -> Float32[ndarray, "F 512"]:
    """Spatial mean of the last feature map of frames resized to 224 px (bilinear), fed as BGR 0-255 minus the mean.

    Raises:
        AssetError: the weights are absent or are not those of the network.
    """
    import cv2
    import torch

    network, pooled = _network(), []
    with torch.inference_mode():
        for start in range(0, len(frames), _BATCH):
            batch = [
                cv2.resize(f, (INPUT_SIZE,) * 2, interpolation=cv2.INTER_LINEAR) for f in frames[start : start + _BATCH]
            ]
            bgr = np.stack(batch)[..., ::-1].astype(np.float32) - np.array(MEAN_BGR, np.float32)
            pooled.append(network(torch.from_numpy(bgr).permute(0, 3, 1, 2).contiguous()).mean(dim=(2, 3)).numpy())
    return np.concatenate(pooled)


@dataclass(frozen=True)
class FdSqueezenet(DistributionMetric):
    """Likeness of the distribution of frames; blind to time."""

    name = "fd_squeezenet"
    title = "Frechet distance of SqueezeNet 1.1 (Caffe) pooled features"
    lowest = 0.0
    extrapolates = True
    source = "distance: Heusel et al. 2017, arXiv 1706.08500; network: Iandola et al. 2016, arXiv 1602.07360"
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)

    stride: int = 3
    """Scored frames from one sampled frame to the next; neighboring frames add little information."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def detector(self) -> str:
        """Hash of weights and preprocessing."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(WEIGHTS).sha256, INPUT_SIZE, "bilinear", MEAN_BGR])

    @property
    def detail(self) -> str:
        """Input and stride."""
        return f"input {INPUT_SIZE} px bilinear, {every(self.stride)}"

    def features(self, video: VideoView, clip: ClipContext) -> Float32[ndarray, "N 512"]:
        """Pooled features of the frames looked at."""
        key = f"{self.name} {self.detector} from {clip.first_frame} stride {self.stride}"
        chosen = slice(clip.first_frame, None, self.stride)
        return video.features(key, lambda: {"pooled": squeezenet_features(video.frames[chosen])})["pooled"]


@kept_network
def _network():
    from safetensors.torch import load_file
    from torchvision.models import squeezenet1_1

    from lt_bench.assets.store import asset_path

    model = squeezenet1_1(weights=None)
    try:
        model.load_state_dict(load_file(asset_path(WEIGHTS)))
    except RuntimeError as error:
        raise AssetError(f"{WEIGHTS}: expected the weights of SqueezeNet 1.1, got {error}") from None
    return model.features.eval()
