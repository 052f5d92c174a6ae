"""Deterministic implicit sampling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import PREDICTIONS, Generators, Sampler, shortened_betas
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class DdimSampler(Sampler):
    """Deterministic implicit sampling (Song et al. 2021) on evenly spaced timesteps that end the schedule.

    diffusers finds a step's end by a whole-numbered stride, which misses the next timestep unless the steps divide
    1000. So, as for DDPM, it is given the schedule of the chosen timesteps only, on which the stride is 1.
    """

    def __init__(self, steps: int, prediction: str, learn_sigma: bool) -> None:
        from diffusers import DDIMScheduler

        chosen = (torch.arange(1, steps + 1, dtype=torch.float64) * STEPS / steps).round().long() - 1
        super().__init__(chosen.flip(0), learn_sigma)
        self._scheduler: Any = DDIMScheduler(
            num_train_timesteps=steps,
            trained_betas=shortened_betas(chosen),
            clip_sample=False,
            prediction_type=PREDICTIONS[prediction],
        )
        self._scheduler.set_timesteps(steps)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        index = len(self.timesteps) - 1 - self._done
        return self._scheduler.step(self._mean(prediction, x), index, x).prev_sample
