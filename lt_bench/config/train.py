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
    """Windows per optimiser step: over all devices, nodes and accumulated micro-batches together.

    A device therefore sees batch_size / (devices * nodes * accumulate) windows at a time, and a run is the same run,
    with the same learning rate, on any number of devices.
    """
    accumulate: int = 1
    """Micro-batches whose gradients are added up for one optimiser step."""
    learning_rate: float = 1e-4
    """Of the whole batch; it is never scaled by the number of devices or micro-batches."""
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
    motion_timesteps: int = 0
    """Or: motion frames are trained with the noise of a timestep in [0, this) of the linear schedule, as in LetsTalk's
    release, where it is 50; 0 for none."""
    motion_mask: float = 0.0
    """Share of the places of motion frames that are zeroed in training, the same in each of a window's frames; 0.25 in
    LetsTalk's release."""
    freeze_audio_projector: bool = False
    """A mistake of LetsTalk's release, for reproducing it: its audio projector is in no optimiser, so never trains."""
    clip_before_backward: bool = False
    """A mistake of LetsTalk's release, for reproducing it: gradients are clipped before the backward pass makes them,
    which does nothing."""
    reference: Literal["frame", "portrait"] = "frame"
    """The portrait of a training window: a random frame of its clip outside the window, or the clip's portrait."""
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``bf16``: matrix products in bfloat16, weights and optimiser in float32 (autocast). ``auto``: ``bf16`` on a GPU
    that computes in it natively, else ``fp32``."""
    activation_checkpointing: bool = False
    """Keep only each block's input for the backward pass and compute the rest again: less memory, a third more work."""
    compile: bool | Literal["auto"] = "auto"
    """``torch.compile`` each block; ``auto``: on a GPU."""
    deterministic: bool = False
    """Refuse operations that are not deterministic, at some cost in speed on a GPU; a CPU is deterministic anyway."""
    threads: int = 0
    """CPU threads of this process; 0 leaves PyTorch's choice."""
    workers: int | Literal["auto"] = "auto"
    """Processes that load data, for each device; ``auto``: none on a CPU, up to eight for each GPU."""
    checkpoint_every: int = 5000
    """Steps between checkpoints; the last step is always one."""
    log_every: int = 50
    """Steps between logged values."""
    validate_every: int = 0
    """Steps between validation losses; 0 for none."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    """Devices (or, on the CPU, processes) per node."""
    nodes: int = 1
    """Machines; started by Slurm or torchrun."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """``ddp``: weights on every device. ``fsdp``: weights, gradients and optimiser sharded over them. ``auto``: ddp
    where there are several devices."""
