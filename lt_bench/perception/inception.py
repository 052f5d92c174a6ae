"""The TensorFlow Inception of 2015-12-05 for FID, KID, precision and recall, as ported by torch-fidelity.

It differs from torchvision's Inception in weights, padding and pooling. The default input of torchmetrics (antialiased
since version 1.8) is different too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor
from torch.nn import functional

from lt_bench.assets.pretrained import one_line
from lt_bench.assets.store import asset_path
from lt_bench.assets.weights import load_torch_weights
from lt_bench.errors import AssetError
from lt_bench.perception.device import detector_device, exact_inference, kept_network

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"
DIM = 2048
SIDE = 299
Resize = Literal["tf1", "pytorch"]
"""``tf1``: TensorFlow 1's bilinear resize to 299 (pixel corners, no antialias), (x - 128) / 128, as in the original and
torch-fidelity. ``pytorch``: PyTorch's bilinear resize (pixel centers, no antialias), 2 x / 255 - 1, as in
pytorch-fid."""
BATCH = 16
_BLOCKS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool"),
)


def inception_features(
    frames: UInt8[ndarray, "N H W 3"], resize: Resize = "tf1", network: Any = None, batch: int = BATCH
) -> Float[ndarray, "N 2048"]:
    """Compute pool features of RGB frames of any size, float32.

    Args:
        frames: RGB 0-255.
        resize: method that resizes frames to 299 pixels and normalizes them.
        network: result of ``load_inception``; None for the pinned weights.
        batch: frames per batch; affects only the last digit.

    Raises:
        AssetError: the weights are missing or are not those of the network.
    """
    network = network or pinned_inception()
    device = next(network.parameters()).device
    parts = [np.empty((0, DIM), np.float32)]
    with exact_inference():
        for start in range(0, len(frames), batch):
            pixels = torch.from_numpy(np.ascontiguousarray(frames[start : start + batch])).permute(0, 3, 1, 2)
            parts.append(_forward(network, pixels.to(device), resize).float().cpu().numpy())
    return np.concatenate(parts)


def load_inception(path: Path) -> Any:
    """Load torch-fidelity's network with the weights of a file, in evaluation mode on the detectors' device.

    Raises:
        AssetError: the file contains no tensors, or not those of this network.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles without restriction; a file that a restricted reader accepts cannot run code there
    # either.
    load_torch_weights(path)
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", [str(DIM)], str(path))
    except RuntimeError as error:
        raise AssetError(f"{path.name}: expected weights of the TensorFlow Inception, got: {one_line(error)}") from None
    return network.to(detector_device())


@kept_network
def pinned_inception() -> Any:
    """Return the network with the pinned weights; read once per process."""
    return load_inception(asset_path(WEIGHTS))


def _forward(network: Any, pixels: UInt8[Tensor, "B 3 H W"], resize: Resize) -> Float[Tensor, "B 2048"]:
    if resize == "tf1":
        return network(pixels)[0]
    x = functional.interpolate(pixels.float() / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
    x = 2 * x - 1
    for name in _BLOCKS:
        x = getattr(network, name)(x)
    return x.flatten(1)
