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
    motion: Literal["chain", "portrait"] = "chain"
    """Motion frames of a later window: ``chain``, the last latents of the window before; ``portrait``, the portrait
    again, as in the first window: no error can grow from window to window, but motion is not continuous across them."""
    weights: Literal["ema", "raw"] = "ema"
