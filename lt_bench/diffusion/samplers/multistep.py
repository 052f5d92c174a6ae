"""Second-order multistep solvers of the probability-flow equation, for the linear schedule and for the flow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import LINEAR, PREDICTIONS, Generators, Sampler, SamplerSettings
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class MultistepSampler(Sampler):
    """Steps of a multistep scheduler of diffusers; each step makes one network call and reuses earlier ones."""

    schedules = ("linear", "flow")
    takes_log_snr = True

    def build_scheduler(self, settings: SamplerSettings) -> Any:
        """Build the scheduler of diffusers for these settings."""
        raise NotImplementedError

    def prepare(self, settings: SamplerSettings) -> Tensor:
        """Set up diffusers' scheduler."""
        scheduler = self.build_scheduler(settings)
        # diffusers hands this tensor to numpy in a way that numpy 2 has deprecated; as an array it passes.
        scheduler.alphas_cumprod = scheduler.alphas_cumprod.numpy()
        scheduler.set_timesteps(settings.steps)
        scheduler.set_begin_index(0)
        self._scheduler = scheduler
        # diffusers makes whole numbers of timesteps, by rounding down; its sigmas are exact.
        return _flow_times(scheduler) if settings.flow else _nearest_timesteps(scheduler)

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Advance by one step of diffusers' scheduler."""
        step = self._scheduler.timesteps[self.done]
        return self._scheduler.step(self.mean(prediction, x), step, x).prev_sample


class DpmSolverSampler(MultistepSampler):
    """DPM-Solver++ 2M multistep solver (Lu et al. 2022)."""

    name = "dpmpp_2m"

    def build_scheduler(self, settings: SamplerSettings) -> Any:
        """Build the scheduler of diffusers for these settings."""
        from diffusers import DPMSolverMultistepScheduler

        return DPMSolverMultistepScheduler(**LINEAR, **_options(settings))


class UniPcSampler(MultistepSampler):
    """UniPC of order 2 with B2(h) (Zhao et al. 2023); each step also corrects the previous one without another call."""

    name = "unipc"

    def build_scheduler(self, settings: SamplerSettings) -> Any:
        """Build the scheduler of diffusers for these settings."""
        from diffusers import UniPCMultistepScheduler

        return UniPCMultistepScheduler(**LINEAR, **_options(settings))


def _flow_times(scheduler: Any) -> Tensor:
    return scheduler.sigmas[:-1] * STEPS


def _nearest_timesteps(scheduler: Any) -> Tensor:
    """Return the timesteps whose noise levels are nearest to those of the steps, in log SNR."""
    kept = torch.as_tensor(scheduler.alphas_cumprod).double()
    levels = ((1 - kept) / kept).sqrt().log()
    return (scheduler.sigmas[:-1].double().log()[:, None] - levels).abs().argmin(1)


def _options(settings: SamplerSettings) -> dict[str, Any]:
    in_flow = settings.flow and settings.prediction == "velocity"
    known = "flow_prediction" if in_flow else PREDICTIONS[settings.prediction]
    # Sigmas in even ratios are even steps in log SNR: on this schedule sigma / signal is 1 / sqrt(SNR).
    return {"prediction_type": known, "use_flow_sigmas": settings.flow, "use_exponential_sigmas": settings.log_snr}
