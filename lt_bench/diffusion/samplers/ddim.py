"""Deterministic implicit sampling (DDIM) on evenly spaced timesteps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import PREDICTIONS, Generators, Sampler, SamplerSettings, shortened_betas
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class DdimSampler(Sampler):
    """Deterministic implicit sampling (Song et al. 2021) on evenly spaced timesteps that end the schedule.

    diffusers finds the end of a step by an integer stride, which misses the next timestep unless the number of steps
    divides 1000. As for DDPM, its scheduler therefore gets a schedule of only the chosen timesteps, with a stride of 1.
    """

    name = "ddim"
    schedules = ("linear",)

    def prepare(self, settings: SamplerSettings) -> Tensor:
        """Set up diffusers' scheduler."""
        from diffusers import DDIMScheduler

        steps = settings.steps
        chosen = (torch.arange(1, steps + 1, dtype=torch.float64) * STEPS / steps).round().long() - 1
        self._scheduler: Any = DDIMScheduler(
            num_train_timesteps=steps,
            trained_betas=shortened_betas(chosen),
            clip_sample=False,
            prediction_type=PREDICTIONS[settings.prediction],
        )
        self._scheduler.set_timesteps(steps)
        return chosen.flip(0)

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Advance by one step of diffusers' scheduler."""
        index = len(self.timesteps) - 1 - self.done
        return self._scheduler.step(self.mean(prediction, x), index, x).prev_sample
