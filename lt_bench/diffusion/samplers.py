"""Samplers: diffusers' schedulers, set up for what our networks predict.

The steps themselves are diffusers'. What is ours is the choice of timesteps, the learned variance (only DDPM uses it)
and the change of the prediction into what a scheduler knows.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.schedule import (
    BETA_FIRST,
    BETA_LAST,
    STEPS,
    Marginal,
    linear_betas,
    sample_to_flow,
)
from lt_bench.errors import ConfigError
from lt_bench.shapes import Float, Int, Latents

SamplerName = Literal["ddpm", "ddim", "dpmpp_2m", "flow_euler"]
PREDICTIONS: dict[str, Any] = {"epsilon": "epsilon", "sample": "sample", "velocity": "v_prediction"}
LINEAR: dict[str, Any] = {
    "num_train_timesteps": STEPS,
    "beta_start": BETA_FIRST,
    "beta_end": BETA_LAST,
    "beta_schedule": "linear",
    "timestep_spacing": "trailing",
}

Generators = torch.Generator | list[torch.Generator] | None


class Sampler:
    """Takes noise to latents in a fixed number of steps; it keeps state, so each window needs a new one.

    Attributes:
        timesteps: what the network is given at each step (steps,), in [0, 1000], falling.
        init_noise_scale: standard deviation of the first x.
    """

    init_noise_scale = 1.0

    def __init__(self, timesteps: Float[Tensor, " steps"] | Int[Tensor, " steps"], learn_sigma: bool) -> None:
        self.timesteps = timesteps.float()
        self.learn_sigma = learn_sigma
        self._done = 0

    def step(self, prediction: Tensor, t: Tensor | float, x: Latents, generator: Generators = None) -> Latents:
        """The less noisy latents.

        Args:
            prediction: the network's output for ``x`` at ``t``; twice the channels of ``x`` with a learned variance.
            t: the next of ``timesteps``.
            x: noisy latents.
            generator: of the noise that DDPM adds; one for the batch, or one for each of its windows.

        Raises:
            ValueError: the timestep is not the next one, or the channels do not fit.
        """
        if self._done == len(self.timesteps) or float(t) != float(self.timesteps[self._done]):
            following = [float(step) for step in self.timesteps[self._done : self._done + 1]]
            raise ValueError(f"timestep: expected the next one {following}, got {float(t)}")
        expected = x.shape[2] * (2 if self.learn_sigma else 1)
        if prediction.shape[2] != expected:
            raise ValueError(f"prediction: expected {expected} channels, got {prediction.shape[2]}")
        result = self._advance(prediction.to(x.dtype), x, generator)
        self._done += 1
        return result

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        raise NotImplementedError

    def _mean(self, prediction: Tensor, x: Latents) -> Latents:
        return prediction[:, :, : x.shape[2]]


class DdpmSampler(Sampler):
    """Ancestral sampling (Ho et al. 2020) on a subset of the timesteps.

    The schedule is shortened to the subset before it is given to diffusers, as improved DDPM does; so the range of the
    learned variance is that of the longer steps, and the last step adds no noise.
    """

    def __init__(self, steps: int, prediction: str, learn_sigma: bool) -> None:
        from diffusers import DDPMScheduler

        chosen = torch.linspace(0, STEPS - 1, steps, dtype=torch.float64).round().long()
        kept = torch.cumprod(1 - linear_betas(), dim=0)[chosen]
        before = torch.cat([torch.ones_like(kept[:1]), kept[:-1]])
        super().__init__(chosen.flip(0), learn_sigma)
        self._scheduler: Any = DDPMScheduler(
            num_train_timesteps=steps,
            trained_betas=(1 - kept / before).tolist(),
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


class DdimSampler(Sampler):
    """Deterministic implicit sampling (Song et al. 2021)."""

    def __init__(self, steps: int, prediction: str, learn_sigma: bool) -> None:
        from diffusers import DDIMScheduler

        self._scheduler: Any = DDIMScheduler(**LINEAR, clip_sample=False, prediction_type=PREDICTIONS[prediction])
        self._scheduler.set_timesteps(steps)
        super().__init__(self._scheduler.timesteps, learn_sigma)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        step = int(self.timesteps[self._done])
        return self._scheduler.step(self._mean(prediction, x), step, x).prev_sample


class DpmSolverSampler(Sampler):
    """Second-order multistep DPM-Solver++ (Lu et al. 2022), for the linear schedule and for the flow."""

    def __init__(self, steps: int, prediction: str, learn_sigma: bool, flow: bool) -> None:
        from diffusers import DPMSolverMultistepScheduler

        known: Any = "flow_prediction" if flow and prediction == "velocity" else PREDICTIONS[prediction]
        self._scheduler: Any = DPMSolverMultistepScheduler(**LINEAR, prediction_type=known, use_flow_sigmas=flow)
        # It hands this tensor to numpy in a way that numpy 2 has deprecated; as an array it passes.
        self._scheduler.alphas_cumprod = self._scheduler.alphas_cumprod.numpy()
        self._scheduler.set_timesteps(steps)
        self._scheduler.set_begin_index(0)
        # diffusers rounds the flow's timesteps to whole numbers; its sigmas are exact.
        timesteps = self._scheduler.sigmas[:-1] * STEPS if flow else self._scheduler.timesteps
        super().__init__(timesteps, learn_sigma)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        step = self._scheduler.timesteps[self._done]
        return self._scheduler.step(self._mean(prediction, x), step, x).prev_sample


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
        sigma = self._scheduler.sigmas[self._done].to(x)
        if self._from_sample:
            prediction = sample_to_flow(prediction, x, Marginal(1 - sigma, sigma))
        return self._scheduler.step(prediction, self._scheduler.timesteps[self._done], x, return_dict=False)[0]


def build_sampler(name: SamplerName, steps: int, config: DiffusionConfig, learn_sigma: bool = False) -> Sampler:
    """A sampler for networks trained with ``config``.

    Args:
        name: ``ddpm`` and ``ddim`` for the linear schedule, ``flow_euler`` for the flow, ``dpmpp_2m`` for both.
        steps: calls of the network.
        config: what the network was trained for.
        learn_sigma: whether the network also predicts the variance.

    Raises:
        ConfigError: the sampler is unknown or does not fit the schedule, or the number of steps is out of range.
    """
    flow = config.schedule == "flow"
    fitting: dict[str, Any] = {"dpmpp_2m": lambda: DpmSolverSampler(steps, config.prediction, learn_sigma, flow)}
    if flow:
        fitting["flow_euler"] = lambda: FlowEulerSampler(steps, config.prediction)
    else:
        fitting["ddpm"] = lambda: DdpmSampler(steps, config.prediction, learn_sigma)
        fitting["ddim"] = lambda: DdimSampler(steps, config.prediction, learn_sigma)
    if name not in fitting:
        expected = ", ".join(sorted(fitting))
        raise ConfigError(f"sampling.sampler: expected one of {expected} with schedule {config.schedule}, got '{name}'")
    if not 1 <= steps <= STEPS:
        raise ConfigError(f"sampling.steps: expected 1 to {STEPS}, got {steps}")
    return fitting[name]()
