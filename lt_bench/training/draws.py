"""All that is random in a training step, as a function of the run's seed and the step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lt_bench.config import TrainConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.shapes import Bool, Float, Latents

TRAINING, VALIDATION = 0, 1


@dataclass(frozen=True)
class Draws:
    """Noise, noise level and dropped conditions of each window of a batch."""

    noise: Latents
    timesteps: Float[Tensor, " B"]
    keep_portrait: Bool[Tensor, " B"]
    keep_audio: Bool[Tensor, " B"]
    keep_motion: Bool[Tensor, " B"]
    """False: motion frames are the portrait, as they are in a video's first window."""
    motion_level: Float[Tensor, " B"]
    """Deviation of the noise in the motion frames, in [0, ``motion_noise``)."""
    motion_noise: Latents
    """Of unit variance, in the shape of the motion frames."""


def step_generator(seed: int, step: int, rank: int, stream: int = TRAINING) -> torch.Generator:
    """A generator on the CPU whose numbers depend on the arguments alone.

    A run that goes on from a checkpoint therefore draws what it would have drawn, with no generator state to save.
    """
    state = np.random.SeedSequence((seed, stream, step, rank)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def draw(
    latents: Latents, motion: Latents, objective: Objective, config: TrainConfig, generator: torch.Generator
) -> Draws:
    """Draw for one batch on the CPU and send it to the device of ``latents``; latents and motion give the shapes."""
    batch, device = len(latents), latents.device

    def keep(dropout: float) -> Bool[Tensor, " B"]:
        return (torch.rand(batch, generator=generator) >= dropout).to(device)

    return Draws(
        noise=torch.randn(latents.shape, generator=generator).to(latents),
        timesteps=objective.sample_timesteps(batch, generator, device),
        keep_portrait=keep(config.portrait_dropout),
        keep_audio=keep(config.audio_dropout),
        keep_motion=keep(config.motion_dropout),
        motion_level=(torch.rand(batch, generator=generator) * config.motion_noise).to(device),
        motion_noise=torch.randn(motion.shape, generator=generator).to(latents),
    )
