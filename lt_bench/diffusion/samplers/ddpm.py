"""Ancestral sampling (DDPM) on a subset of the timesteps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import PREDICTIONS, Generators, Sampler, shortened_betas
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class DdpmSampler(Sampler):
    """Ancestral sampling (Ho et al. 2020) on a subset of the timesteps.

    The schedule is shortened to the subset before diffusers uses it, as in improved DDPM. The range of the learned
    variance is therefore that of the longer steps, and the last step adds no noise.
    """

    def __init__(self, steps: int, prediction: str, learn_sigma: bool) -> None:
        from diffusers import DDPMScheduler

        chosen = torch.linspace(0, STEPS - 1, steps, dtype=torch.float64).round().long()
        super().__init__(chosen.flip(0), learn_sigma)
        self._scheduler: Any = DDPMScheduler(
            num_train_timesteps=steps,
            trained_betas=shortened_betas(chosen),
            variance_type="learned_range" if learn_sigma else "fixed_small",
            clip_sample=False,
            prediction_type=PREDICTIONS[prediction],
        )
        self._scheduler.set_timesteps(steps)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        index = len(self.timesteps) - 1 - self._done
        # diffusers expects channels in dimension 1 and windows in 0.
        output = self._scheduler.step(prediction.transpose(1, 2), index, x.transpose(1, 2), generator=generator)
        return output.prev_sample.transpose(1, 2)
