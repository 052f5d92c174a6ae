"""LPIPS against the real video, by the package of its authors; the name says the backbone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.assets.store import asset_path
from lt_bench.assets.weights import load_torch_weights
from lt_bench.errors import AssetError
from lt_bench.evaluation.metrics.base import ClipContext, VideoMetric
from lt_bench.evaluation.metrics.words import every
from lt_bench.files import sha256_json
from lt_bench.perception.device import detector_device, exact_inference, kept_network

Backbone = Literal["alex", "vgg"]
WEIGHTS: dict[Backbone, str] = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
VERSION = "0.1"
_BATCH = 8


def lpips_distance(generated: UInt8[ndarray, "F H W 3"], real: UInt8[ndarray, "F H W 3"], network: Any) -> float:
    """Mean LPIPS over frames, given in [-1, 1] at their own size.

    Args:
        generated: RGB 0-255.
        real: RGB 0-255.
        network: of ``load_lpips``.
    """
    import torch

    device, values = detector_device(), []
    with exact_inference():
        for start in range(0, len(real), _BATCH):
            pair = (np.ascontiguousarray(side[start : start + _BATCH]) for side in (generated, real))
            a, b = (torch.from_numpy(frames).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1 for frames in pair)
            values.append(network(a, b).flatten().double().cpu().numpy())
    return float(np.concatenate(values).mean())


def load_lpips(backbone: Backbone, path: Path) -> Any:
    """The package's network and linear heads, its backbone from a file of torchvision's weights.

    Raises:
        AssetError: the file holds no tensors, or lacks a layer of the backbone.
    """
    import lpips

    state = load_torch_weights(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arguments that torchvision has renamed
        network = lpips.LPIPS(net=backbone, version=VERSION, pnet_rand=True, verbose=False)
    for part in network.net.children():
        for index, layer in part.named_children():  # layers keep torchvision's numbers
            for name, value in layer.named_parameters():
                _fill(value, state.get(f"features.{index}.{name}"), f"{path.name}: features.{index}.{name}")
    return network.eval().requires_grad_(False).to(detector_device())


def _fill(parameter: Any, value: Any, what: str) -> None:
    if value is None or value.shape != parameter.shape:
        got = "none" if value is None else tuple(value.shape)
        raise AssetError(f"{what}: expected a tensor of shape {tuple(parameter.shape)}, got {got}")
    parameter.data.copy_(value)


@kept_network
def pinned_lpips(backbone: Backbone) -> Any:
    """Return the network with the pinned weights; kept, since reading them takes time."""
    return load_lpips(backbone, asset_path(WEIGHTS[backbone]))


class _Lpips(VideoMetric):
    higher_is_better = False
    source = "Zhang et al. 2018, arXiv 1801.03924; package lpips, version 0.1 of the linear heads; mean over frames"
    backbone: ClassVar[Backbone]
    stride: int

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride: expected at least 1, got {self.stride}")

    @property
    def detector(self) -> str:
        """Hash of the backbone's weights and the heads' version."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(WEIGHTS[self.backbone]).sha256, VERSION, "[-1, 1]"])

    @property
    def detail(self) -> str:
        """Input and stride."""
        return f"heads {VERSION}, [-1, 1], {every(self.stride)}"

    def score(self, clip: ClipContext) -> float:
        """Mean over the scored frames looked at."""
        chosen = slice(clip.first_frame, None, self.stride)
        return lpips_distance(clip.generated.frames[chosen], clip.real.frames[chosen], pinned_lpips(self.backbone))


@dataclass(frozen=True)
class LpipsAlex(_Lpips):
    """Perceptual distance of frames, AlexNet: the package's default for comparing."""

    name = "lpips_alex"
    title = "LPIPS, AlexNet"
    backbone = "alex"
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS["alex"],)

    stride: int = 1
    """Scored frames from one compared frame to the next."""


@dataclass(frozen=True)
class LpipsVgg(_Lpips):
    """Perceptual distance of frames, VGG-16; larger numbers than AlexNet's, and not to be compared with them."""

    name = "lpips_vgg"
    title = "LPIPS, VGG-16"
    backbone = "vgg"
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS["vgg"],)

    stride: int = 1
    """Scored frames from one compared frame to the next."""
