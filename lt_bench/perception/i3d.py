"""I3D of Kinetics-400 for FVD, as the TorchScript file that StyleGAN-V and others use."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.assets.pretrained import one_line
from lt_bench.assets.store import asset_path
from lt_bench.errors import AssetError
from lt_bench.perception.device import detector_device, exact_inference, kept_network

WEIGHTS = "i3d_torchscript.pt"
SIDE = 224
FRAMES = 16


def i3d_logits(
    window: UInt8[ndarray, "T H W 3"], rescale: bool = True, resize: bool = True, network: Any = None
) -> Float[ndarray, " D"]:
    """Compute the 400 logits of one window of frames, float32.

    Args:
        window: RGB 0-255, in temporal order.
        rescale: True: the input is 0-255 and the network rescales it to [-1, 1], as in its training. False: values are
            divided by 255 and not rescaled, which is incorrect but used by LatentSync.
        resize: let the network resize (bilinear) to 224; False if frames have that size.
        network: result of ``load_i3d``; None for the pinned weights.

    Raises:
        AssetError: the weights are missing or are not TorchScript.
    """
    network = network or pinned_i3d()
    values = np.ascontiguousarray(window, np.float32) / (1 if rescale else 255)
    video = torch.from_numpy(values).permute(3, 0, 1, 2)[None].to(detector_device())
    with exact_inference():
        return network(video, rescale=rescale, resize=resize, return_features=True)[0].float().cpu().numpy()


def load_i3d(path: Path) -> Any:
    """Load the network of a TorchScript file, in evaluation mode on the detectors' device.

    Raises:
        AssetError: the file is not TorchScript.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and the only form these weights exist in
            return torch.jit.load(str(path), map_location=detector_device()).eval()
    except RuntimeError as error:
        raise AssetError(f"{path.name}: expected a TorchScript network, got: {one_line(error)}") from None


@kept_network
def pinned_i3d() -> Any:
    """Return the network with the pinned weights; read once per process."""
    return load_i3d(asset_path(WEIGHTS))
