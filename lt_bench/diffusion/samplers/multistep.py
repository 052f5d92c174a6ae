"""Second-order multistep solvers of the probability-flow equation, for the linear schedule and for the flow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.samplers.base import LINEAR, PREDICTIONS, Generators, Sampler
from lt_bench.diffusion.schedule import STEPS
from lt_bench.shapes import Latents


class MultistepSampler(Sampler):
    """Steps of a multistep scheduler of diffusers; each step makes one network call and reuses earlier ones."""

    def __init__(self, scheduler: Any, steps: int, learn_sigma: bool, flow: bool) -> None:
        # diffusers passes this tensor to numpy in a way that numpy 2 deprecates; an array is accepted.
        scheduler.alphas_cumprod = scheduler.alphas_cumprod.numpy()
        scheduler.set_timesteps(steps)
        scheduler.set_begin_index(0)
        self._scheduler = scheduler
        # diffusers rounds timesteps down to integers; its sigmas are exact.
        super().__init__(_flow_times(scheduler) if flow else _nearest_timesteps(scheduler), learn_sigma)

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        step = self._scheduler.timesteps[self._done]
        return self._scheduler.step(self._mean(prediction, x), step, x).prev_sample


class DpmSolverSampler(MultistepSampler):
    """DPM-Solver++ 2M multistep solver (Lu et al. 2022)."""

    def __init__(self, steps: int, prediction: str, learn_sigma: bool, flow: bool, log_snr: bool) -> None:
        from diffusers import DPMSolverMultistepScheduler

        scheduler = DPMSolverMultistepScheduler(**LINEAR, **_options(prediction, flow, log_snr))
        super().__init__(scheduler, steps, learn_sigma, flow)


class UniPcSampler(MultistepSampler):
    """UniPC of order 2 with B2(h) (Zhao et al. 2023); each step also corrects the previous one without another call."""

    def __init__(self, steps: int, prediction: str, learn_sigma: bool, flow: bool, log_snr: bool) -> None:
        from diffusers import UniPCMultistepScheduler

        scheduler = UniPCMultistepScheduler(**LINEAR, **_options(prediction, flow, log_snr))
        super().__init__(scheduler, steps, learn_sigma, flow)


def _flow_times(scheduler: Any) -> Tensor:
    return scheduler.sigmas[:-1] * STEPS


def _nearest_timesteps(scheduler: Any) -> Tensor:
    """Return the timesteps whose noise levels are nearest to those of the steps, in log SNR."""
    kept = torch.as_tensor(scheduler.alphas_cumprod).double()
    levels = ((1 - kept) / kept).sqrt().log()
    return (scheduler.sigmas[:-1].double().log()[:, None] - levels).abs().argmin(1)


def _options(prediction: str, flow: bool, log_snr: bool) -> dict[str, Any]:
    known = "flow_prediction" if flow and prediction == "velocity" else PREDICTIONS[prediction]
    # Sigmas in constant ratios are even steps in log SNR, because sigma / signal is 1 / sqrt(SNR) on this schedule.
    return {"prediction_type": known, "use_flow_sigmas": flow, "use_exponential_sigmas": log_snr}
