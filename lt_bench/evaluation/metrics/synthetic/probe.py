"""The probe: a small network that reads mouth, blink, head pose and identity off synthetic faces.

It was trained on speakers of the synthetic set that no split contains (``experiments/detectors/train_probe.py``, with
held-out figures next to it in ``probe.json``) and means nothing on real faces. Its weights are part of the package, so
the scores built on it need no download.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.assets.packaged import packaged_weights
from lt_bench.errors import MediaError
from lt_bench.evaluation.metrics.synthetic.probe_readings import EMBEDDING, READINGS, ProbeReadings

if TYPE_CHECKING:
    from lt_bench.evaluation.metrics.synthetic.probe_network import ProbeNetwork, ProbeOutput

SIZE = 64
"""Side of the frames that the network sees, in pixels."""
PROBE_SHA256 = "5334bfefab224283ae7a3e3ea9f28cc7f8b355fc86b5a633cd3d535164e127d3"
_WEIGHTS = "probe.safetensors"
_BATCH = 64
_PREPARATION = f"square RGB, area (up: cubic) to {SIZE}, (x / 255 - 0.5) * 4"


@cache
def load_probe() -> ProbeNetwork:
    """The trained network, in evaluation mode on the CPU; read once per process.

    Raises:
        AssetError: the weights in the package are missing or not the pinned ones.
    """
    return read_probe(probe_weights())


def probe_weights() -> bytes:
    """Return the verified bytes of the packaged weights.

    Raises:
        AssetError: they are missing or not the pinned ones.
    """
    return packaged_weights("lt_bench.evaluation", _WEIGHTS, PROBE_SHA256)


def read_probe(data: bytes) -> ProbeNetwork:
    """The network whose weights are the bytes of a safetensors file (half precision is widened)."""
    from safetensors.torch import load

    from lt_bench.evaluation.metrics.synthetic.probe_network import ProbeNetwork

    network = ProbeNetwork()
    network.load_state_dict(load(data))
    return network.eval().requires_grad_(False)


def probe_hash() -> str:
    """Hash of the weights and of how frames are prepared for them."""
    return hashlib.sha256(f"{PROBE_SHA256} {_PREPARATION}".encode()).hexdigest()


def probe_frames(frames: UInt8[ndarray, "N H W 3"], network: ProbeNetwork | None = None) -> ProbeReadings:
    """Read square RGB frames of any size (resized to 64 pixels, by area where that shrinks them).

    Args:
        frames: face crops framed as those of the synthetic set.
        network: another network than the packaged one (for its training).

    Raises:
        MediaError: the frames are not square.
    """
    if frames.ndim != 4 or frames.shape[1] != frames.shape[2] or frames.shape[3] != 3:
        raise MediaError(f"frames: expected square RGB pictures (N, H, H, 3), got {frames.shape}")
    network = network or load_probe()
    parts = [_read(network, frames[i : i + _BATCH]) for i in range(0, len(frames), _BATCH)]
    readings = (
        np.concatenate([p.readings.numpy() for p in parts]) if parts else np.empty((0, len(READINGS)), np.float32)
    )
    embedding = np.concatenate([p.embedding.numpy() for p in parts]) if parts else np.empty((0, EMBEDDING), np.float32)
    return ProbeReadings(*(np.ascontiguousarray(column) for column in readings.T), embedding=embedding)


def _read(network: ProbeNetwork, frames: UInt8[ndarray, "N H W 3"]) -> ProbeOutput:
    import torch

    side = frames.shape[1]
    if side != SIZE:
        method = cv2.INTER_AREA if side > SIZE else cv2.INTER_CUBIC
        frames = np.stack([cv2.resize(frame, (SIZE, SIZE), interpolation=method) for frame in frames])
    with torch.inference_mode():
        return network(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255)
