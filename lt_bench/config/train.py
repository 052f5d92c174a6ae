"""Settings of training: steps, optimizer, conditions, precision and devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """Training of one model."""

    steps: int = 300_000
    """Number of optimizer steps."""
    batch_size: int = 1
    """Windows per optimizer step, over all devices, nodes and micro-batches together.

    A device processes batch_size / (devices * nodes * accumulate) windows at a time. A run is therefore the same run,
    with the same learning rate, on any number of devices.
    """
    accumulate: int = 1
    """Number of micro-batches whose gradients are accumulated for one optimizer step."""
    learning_rate: float = 1e-4
    """Learning rate of the whole batch; never scaled by the number of devices or micro-batches."""
    weight_decay: float = 0.0
    beta2: float = 0.999
    warmup_steps: int = 0
    decay: Literal["constant", "cosine"] = "constant"
    """Schedule of the learning rate after the warm-up; ``cosine`` ends at zero."""
    gradient_clip: float = 1.0
    """Maximum gradient norm; 0 for no clipping."""
    ema_decay: float = 0.9999
    """Decay of the weight average; 0 for none. Ramps up as min(decay, (1 + step) / (10 + step))."""
    portrait_dropout: float = 0.0
    """Probability of training a window without its portrait."""
    audio_dropout: float = 0.0
    """Probability of training a window without its audio."""
    motion_dropout: float = 0.25
    """Probability that motion frames are replaced by the reference latent, as in a video's first window."""
    motion_noise: float = 0.0
    """Maximum noise of motion frames in training, as a share of the latents' standard deviation; levels are uniform.

    Generated motion frames are not clean either, so this reduces the drift of long videos.
    """
    motion_timesteps: int = 0
    """Alternative noise of motion frames in training: that of a timestep in [0, this value) of the linear schedule.
    LetsTalk's release uses 50; 0 for none."""
    motion_mask: float = 0.0
    """Share of the positions of motion frames that are zeroed in training, equal in all frames of a window. LetsTalk's
    release uses 0.25."""
    freeze_audio_projector: bool = False
    """Reproduce a mistake of LetsTalk's release: its audio projector is in no optimizer, so it is never trained."""
    clip_before_backward: bool = False
    """Reproduce a mistake of LetsTalk's release: gradients are clipped before the backward pass computes them, which
    has no effect."""
    reference: Literal["frame", "portrait"] = "frame"
    """Portrait of a training window: a random frame of its clip outside the window, or the clip's portrait."""
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``bf16``: matrix products in bfloat16, weights and optimizer in float32 (autocast). ``auto``: ``bf16`` on a GPU
    with native support, otherwise ``fp32``."""
    activation_checkpointing: bool = False
    """Keep only the input of each block for the backward pass and recompute the rest: less memory, a third more
    work."""
    compile: bool | Literal["auto"] = "auto"
    """Compile each block with ``torch.compile``; ``auto``: on a GPU."""
    deterministic: bool = False
    """Refuse operations that are not deterministic, which can be slower on a GPU; a CPU is always deterministic."""
    threads: int = 0
    """CPU threads of this process; 0 uses PyTorch's default."""
    workers: int | Literal["auto"] = "auto"
    """Data loading processes per device; ``auto``: none on a CPU, up to eight per GPU."""
    checkpoint_every: int = 5000
    """Steps between checkpoints; the last step always writes one."""
    log_every: int = 50
    """Steps between logged values."""
    validate_every: int = 0
    """Steps between validation losses; 0 for none."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    """Devices (or, on the CPU, processes) per node."""
    nodes: int = 1
    """Number of machines, started by Slurm or torchrun."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """``ddp``: full weights on every device. ``fsdp``: sharded weights, gradients and optimizer. ``auto``: ddp for
    several devices."""
