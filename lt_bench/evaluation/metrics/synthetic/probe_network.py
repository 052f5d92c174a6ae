"""The probe's network; apart from what reads frames with it, since importing torch takes seconds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lt_bench.evaluation.metrics.synthetic.probe_readings import EMBEDDING, READINGS


@dataclass(frozen=True)
class ProbeOutput:
    """What the network gives for a batch."""

    readings: Float[Tensor, "N 7"]
    """Columns ``READINGS``, in physical units."""
    embedding: Float[Tensor, "N D"]
    """Unit length; the cosine of two frames shows whether they show one person, in any scene."""


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
