"""Generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SamplingConfig:
    """A sampler and its guidance.

    The guided prediction is ``u + portrait_scale (p - u) + audio_scale (pa - p)`` with u, p, pa the predictions without
    conditions, with the portrait, and with portrait and audio. Scales of 1 switch guidance off.
    """

    sampler: Literal["ddpm", "ddim", "dpmpp_2m", "flow_euler"] = "ddim"
    steps: int = 50
    portrait_scale: float = 1.0
    audio_scale: float = 1.0
    seed: int = 0
    batch_size: int = 8
    """Clips generated side by side."""
    weights: Literal["ema", "raw"] = "ema"
