"""LPIPS along a soft alignment, with the network of ``lpips_alex``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, Int, UInt8
from numpy import ndarray

from lt_bench.evaluation.metrics.alignment.aligned import SOURCE, AlignedDistances, AlignedMetric
from lt_bench.evaluation.metrics.alignment.soft_dtw import Distance
from lt_bench.evaluation.metrics.base import ClipContext
from lt_bench.evaluation.metrics.image.lpips import VERSION, WEIGHTS, LpipsAlex, pinned_lpips
from lt_bench.perception.device import detector_device, exact_inference


def lpips_vectors(frames: UInt8[ndarray, "F H W 3"], network: Any) -> Float64[ndarray, "F D"]:
    """Return vectors whose squared Euclidean distances are LPIPS.

    LPIPS averages, over pixels, squared differences of unit-length features with a weight per channel that is never
    negative, and adds the layers. Features times the root of their weight over the number of pixels therefore give
    the same number, and each frame passes through the network only once.

    Args:
        frames: RGB 0-255.
        network: result of ``load_lpips``.
    """
    import torch

    vectors = []
    with exact_inference():
        for frame in frames:
            pixels = torch.from_numpy(np.ascontiguousarray(frame))[None].permute(0, 3, 1, 2).to(detector_device())
            layers = network.net.forward(network.scaling_layer(pixels.float() / 127.5 - 1))
            parts = []
            for features, head in zip(layers, network.lins, strict=True):
                weight = head.model[-1].weight  # (1, C, 1, 1), after a dropout that is off
                unit = features / (features.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
                parts.append((unit * (weight / unit[0, 0].numel()).sqrt()).flatten())
            vectors.append(torch.cat(parts).double().cpu().numpy())
    return np.stack(vectors)


@dataclass(frozen=True)
class LpipsAlexAligned(AlignedMetric):
    """Perceptual distance of frames within the band."""

    name = "lpips_alex_aligned"
    title = "aligned LPIPS, AlexNet"
    higher_is_better = False
    source = SOURCE
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS["alex"],)

    stride: int = 5
    """Frames from one compared frame to the next."""

    def __post_init__(self) -> None:
        super().__post_init__()
        LpipsAlex(stride=self.stride)  # which refuses a stride below 1

    @property
    def steps(self) -> int:
        """Band in compared frames."""
        return self.band // self.stride

    @property
    def detector(self) -> str:
        """Hash of the backbone's weights and the heads' version."""
        return LpipsAlex().detector

    @property
    def detail(self) -> str:
        """Heads, gamma, band and stride."""
        return f"heads {VERSION}, {super().detail}, stride {self.stride}"

    def distances(self, clip: ClipContext) -> AlignedDistances:
        """Return LPIPS of pairs of frames."""
        chosen, network = slice(clip.first_frame, None, self.stride), pinned_lpips("alex")
        a, b = (lpips_vectors(video.frames[chosen], network) for video in (clip.generated, clip.real))
        return AlignedDistances(len(a), _squared(a, b), _squared(a, a), _squared(b, b))


def _squared(a: Float64[ndarray, "F D"], b: Float64[ndarray, "F D"]) -> Distance:
    def distance(i: Int[ndarray, " K"], j: Int[ndarray, " K"]) -> Float64[ndarray, " K"]:
        return np.square(a[i] - b[j]).sum(1)

    return distance
