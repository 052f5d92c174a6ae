"""Optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast, on what."""

    steps: int = 300_000
    """Optimiser steps."""
    batch_size: int = 1
    """Windows per device and step."""
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    beta2: float = 0.999
    warmup_steps: int = 0
    decay: Literal["constant", "cosine"] = "constant"
    """Learning rate after the warm-up; ``cosine`` ends at zero."""
    gradient_clip: float = 1.0
    """Largest gradient norm; 0 for no clipping."""
    ema_decay: float = 0.9999
    """Decay of the weight average; 0 for none. Ramps up as min(decay, (1 + step) / (10 + step))."""
    portrait_dropout: float = 0.0
    """Probability of training a window without its portrait."""
    audio_dropout: float = 0.0
    """Probability of training a window without its audio."""
    motion_dropout: float = 0.25
    """Probability that motion frames are the reference latent, as they are in a video's first window."""
    motion_noise: float = 0.0
    """Motion frames are trained with noise of a level uniform in [0, this), as a share of the latents' deviation.

    Generated motion frames are not clean either, so this keeps a long video from drifting.
    """
    reference: Literal["frame", "portrait"] = "frame"
    """The portrait of a training window: a random frame of its clip outside the window, or the clip's portrait."""
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 0
    """CPU threads of this process; 0 leaves PyTorch's choice."""
    workers: int = 0
    """Processes that load data."""
    checkpoint_every: int = 5000
    """Steps between checkpoints; the last step is always one."""
    log_every: int = 50
    """Steps between logged values."""
    validate_every: int = 0
    """Steps between validation losses; 0 for none."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
