"""Samplers of the rectified flow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import Generators, Sampler, SamplerSettings
from lt_bench.diffusion.schedule import STEPS, Marginal, sample_to_flow
from lt_bench.shapes import Latents


class FlowEulerSampler(Sampler):
    """Euler steps of equal length along the flow."""

    name = "flow_euler"
    schedules = ("flow",)

    def prepare(self, settings: SamplerSettings) -> Tensor:
        """Set up diffusers' scheduler."""
        from diffusers import FlowMatchEulerDiscreteScheduler

        steps = settings.steps
        self._from_sample = settings.prediction == "sample"
        self._scheduler: Any = FlowMatchEulerDiscreteScheduler(num_train_timesteps=STEPS, shift=1.0)
        self._scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist())
        self._scheduler.set_begin_index(0)
        return self._scheduler.timesteps

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Advance by one step of diffusers' scheduler."""
        if self._from_sample:
            prediction = _velocity(prediction, x, self._scheduler.sigmas[self.done])
        return self._scheduler.step(prediction, self._scheduler.timesteps[self.done], x, return_dict=False)[0]


class FlowHeunSampler(Sampler):
    """Heun's second-order steps (Karras et al. 2022, algorithm 1) along the flow; the last step is Euler's.

    A step needs two calls of the network, so there are ``2 steps - 1`` calls. As in diffusers, the last step starts at
    t = 1/1000.
    """

    name = "flow_heun"
    schedules = ("flow",)

    def prepare(self, settings: SamplerSettings) -> Tensor:
        """Set up diffusers' scheduler."""
        from diffusers import FlowMatchHeunDiscreteScheduler

        steps = settings.steps
        self._from_sample = settings.prediction == "sample"
        self._scheduler: Any = FlowMatchHeunDiscreteScheduler(num_train_timesteps=STEPS, shift=1.0)
        self._scheduler.set_timesteps(steps)
        self._scheduler.set_begin_index(0)
        return self._scheduler.timesteps

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Advance by one step of diffusers' scheduler."""
        t = self._scheduler.timesteps[self.done]
        if self._from_sample:
            prediction = _velocity(prediction, x, t / STEPS)
        return self._scheduler.step(prediction, t, x, return_dict=False)[0]


def _velocity(sample: Tensor, x: Latents, sigma: Tensor) -> Tensor:
    # Use a number on the host, because a copy to the device would stall it.
    return sample_to_flow(sample, x, Marginal(1 - sigma, sigma))
