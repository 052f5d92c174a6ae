"""Samplers of the rectified flow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import Generators, Sampler
from lt_bench.diffusion.schedule import STEPS, Marginal, sample_to_flow
from lt_bench.shapes import Latents


class FlowEulerSampler(Sampler):
    """Euler steps of equal length along the flow."""

    def __init__(self, steps: int, prediction: str) -> None:
        from diffusers import FlowMatchEulerDiscreteScheduler

        self._from_sample = prediction == "sample"
        self._scheduler: Any = FlowMatchEulerDiscreteScheduler(num_train_timesteps=STEPS, shift=1.0)
        self._scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist())
        self._scheduler.set_begin_index(0)
        super().__init__(self._scheduler.timesteps, learn_sigma=False)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        if self._from_sample:
            prediction = _velocity(prediction, x, self._scheduler.sigmas[self._done])
        return self._scheduler.step(prediction, self._scheduler.timesteps[self._done], x, return_dict=False)[0]


class FlowHeunSampler(Sampler):
    """Heun's second-order steps (Karras et al. 2022, algorithm 1) along the flow; the last step is Euler's.

    A step needs two calls of the network, so there are ``2 steps - 1`` calls. As in diffusers, the last step starts at
    t = 1/1000.
    """

    def __init__(self, steps: int, prediction: str) -> None:
        from diffusers import FlowMatchHeunDiscreteScheduler

        self._from_sample = prediction == "sample"
        self._scheduler: Any = FlowMatchHeunDiscreteScheduler(num_train_timesteps=STEPS, shift=1.0)
        self._scheduler.set_timesteps(steps)
        self._scheduler.set_begin_index(0)
        super().__init__(self._scheduler.timesteps, learn_sigma=False)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        t = self._scheduler.timesteps[self._done]
        if self._from_sample:
            prediction = _velocity(prediction, x, t / STEPS)
        return self._scheduler.step(prediction, t, x, return_dict=False)[0]


def _velocity(sample: Tensor, x: Latents, sigma: Tensor) -> Tensor:
    # Use a number on the host, because a copy to the device would stall it.
    return sample_to_flow(sample, x, Marginal(1 - sigma, sigma))
