"""Ancestral sampling (DDPM) on a subset of the timesteps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import PREDICTIONS, Generators, Sampler, SamplerSettings, shortened_betas
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class DdpmSampler(Sampler):
    """Ancestral sampling (Ho et al. 2020) on a subset of the timesteps.

    The schedule is shortened to the subset before diffusers uses it, as in improved DDPM. The range of the learned
    variance is therefore that of the longer steps, and the last step adds no noise.
    """

    name = "ddpm"
    schedules = ("linear",)
    least_steps = 2  # its only step would be that of t = 0, which takes noise for clean latents

    def prepare(self, settings: SamplerSettings) -> Tensor:
        """Set up diffusers' scheduler."""
        from diffusers import DDPMScheduler

        steps = settings.steps
        chosen = torch.linspace(0, STEPS - 1, steps, dtype=torch.float64).round().long()
        self._scheduler: Any = DDPMScheduler(
            num_train_timesteps=steps,
            trained_betas=shortened_betas(chosen),
            variance_type="learned_range" if settings.learn_sigma else "fixed_small",
            clip_sample=False,
            prediction_type=PREDICTIONS[settings.prediction],
        )
        self._scheduler.set_timesteps(steps)
        return chosen.flip(0)

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Advance by one step of diffusers' scheduler."""
        index = len(self.timesteps) - 1 - self.done
        # diffusers expects channels in dimension 1 and windows in 0.
        output = self._scheduler.step(prediction.transpose(1, 2), index, x.transpose(1, 2), generator=generator)
        return output.prev_sample.transpose(1, 2)
