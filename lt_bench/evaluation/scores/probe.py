"""The probe: a small network that reads mouth, blink, head pose and identity off synthetic faces.

It was trained on speakers of the synthetic set that no split contains (``experiments/detectors/train_probe.py``, with
held-out figures beside it in ``probe.json``) and means nothing on real faces. Its weights are part of the package, so
the scores built on it need no download.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from safetensors.torch import load
from torch import Tensor, nn

from lt_bench.errors import AssetError, MediaError

SIZE = 64
"""Side of the frames that the network sees, in pixels."""
READINGS = ("opening", "width", "rounding", "blink", "yaw", "pitch", "roll")
"""The scalar outputs; mouth and blink 0..1 (width -0.5..1), angles in radians, signs as in the synthetic truth."""
EMBEDDING = 96
PROBE_SHA256 = "5334bfefab224283ae7a3e3ea9f28cc7f8b355fc86b5a633cd3d535164e127d3"
_WEIGHTS = "probe.safetensors"
_BATCH = 64
_PREPARATION = f"square RGB, area (up: cubic) to {SIZE}, (x / 255 - 0.5) * 4"


@dataclass(frozen=True)
class ProbeOutput:
    """What the network gives for a batch."""

    readings: Float[Tensor, "N 7"]
    """Columns ``READINGS``, in physical units."""
    embedding: Float[Tensor, "N D"]
    """Unit length; the cosine of two frames says whether they show one person, in whatever scene."""


@dataclass(frozen=True)
class ProbeReadings:
    """What the probe reads off a video, one value a frame."""

    opening: Float32[ndarray, " N"]
    width: Float32[ndarray, " N"]
    rounding: Float32[ndarray, " N"]
    blink: Float32[ndarray, " N"]
    yaw: Float32[ndarray, " N"]
    pitch: Float32[ndarray, " N"]
    roll: Float32[ndarray, " N"]
    embedding: Float32[ndarray, "N D"]
    """Unit length."""


class ProbeNetwork(nn.Module):
    """Two convolutional branches, one over the face and one over the mouth's region at full resolution."""

    readings_mean: Tensor
    readings_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.face = nn.Sequential(
            _block(3, 16, stride=2),
            _block(16, 32, stride=2),
            _block(32, 32),
            _block(32, 64, stride=2),
            _block(64, 64),
            _block(64, 96, stride=2),
            _block(96, 64),
        )
        self.mouth = nn.Sequential(
            _block(3, 12),
            _block(12, 32, stride=2),
            _block(32, 48, stride=2),
            _block(48, 48),
            _block(48, 64, stride=2),
        )
        self.to_readings = nn.Sequential(nn.Linear(64 * 16 + 64 * 20, 128), nn.ReLU(), nn.Linear(128, len(READINGS)))
        self.to_embedding = nn.Sequential(nn.Linear(64 * 16 + 64 * 20, 192), nn.ReLU(), nn.Linear(192, EMBEDDING))
        self.register_buffer("readings_mean", torch.zeros(len(READINGS)))
        self.register_buffer("readings_std", torch.ones(len(READINGS)))

    def forward(self, frames: Float[Tensor, "N 3 64 64"]) -> ProbeOutput:
        """Read a batch of frames in [0, 1]."""
        centred = (frames - 0.5) * 4
        features = torch.cat([self.face(centred).flatten(1), self.mouth(centred[..., 32:64, 12:52]).flatten(1)], dim=1)
        readings = self.to_readings(features) * self.readings_std + self.readings_mean
        return ProbeOutput(readings, nn.functional.normalize(self.to_embedding(features), dim=1))


def _block(before: int, after: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU())


@cache
def load_probe() -> ProbeNetwork:
    """The trained network, in evaluation mode on the CPU; read once per process.

    Raises:
        AssetError: the weights in the package are missing or not the pinned ones.
    """
    file = resources.files("lt_bench.evaluation") / "weights" / _WEIGHTS
    if not file.is_file():
        raise AssetError(f"{_WEIGHTS}: expected in the package lt_bench.evaluation.weights, got no such file")
    data = file.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != PROBE_SHA256:
        raise AssetError(f"{_WEIGHTS}: expected sha256 {PROBE_SHA256}, got {found}")
    return read_probe(data)


def read_probe(data: bytes) -> ProbeNetwork:
    """The network whose weights are the bytes of a safetensors file (half precision is widened)."""
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


@torch.inference_mode()
def _read(network: ProbeNetwork, frames: UInt8[ndarray, "N H W 3"]) -> ProbeOutput:
    side = frames.shape[1]
    if side != SIZE:
        method = cv2.INTER_AREA if side > SIZE else cv2.INTER_CUBIC
        frames = np.stack([cv2.resize(frame, (SIZE, SIZE), interpolation=method) for frame in frames])
    return network(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255)
