"""The interface of a sampler, the registry of all samplers, and the schedule that diffusers' schedulers are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import BETA_FIRST, BETA_LAST, STEPS, linear_betas
from lt_bench.registry import Registry
from lt_bench.shapes import Float, Int, Latents

PREDICTIONS: dict[str, Any] = {"epsilon": "epsilon", "sample": "sample", "velocity": "v_prediction"}
"""diffusers' names of the prediction types on the linear schedule."""
LINEAR: dict[str, Any] = {
    "num_train_timesteps": STEPS,
    "beta_start": BETA_FIRST,
    "beta_end": BETA_LAST,
    "beta_schedule": "linear",
    "timestep_spacing": "trailing",
}

Generators = torch.Generator | list[torch.Generator] | None


@dataclass(frozen=True)
class SamplerSettings:
    """What a sampler is built for."""

    steps: int
    """Number of steps, 1 to 1000."""
    prediction: str
    """What the network predicts: ``epsilon``, ``sample`` or ``velocity``."""
    learn_sigma: bool
    """Whether the network also predicts the variance."""
    flow: bool
    """Whether the network was trained on the rectified flow; on the linear schedule otherwise."""
    log_snr: bool
    """Whether steps are even in the log of the signal-to-noise ratio; even in timesteps otherwise."""


class Sampler:
    """Denoises latents in a fixed number of steps; it keeps state, so each window needs a new sampler.

    A sampler overrides ``prepare`` and ``advance``.

    Attributes:
        timesteps: network input at each call (calls,), in [0, 1000], never increasing. A step is one call; only Heun's
            is two.
        init_noise_scale: standard deviation of the first x.
    """

    name: ClassVar[str]
    """The name that ``SamplingConfig.sampler`` uses."""
    schedules: ClassVar[tuple[str, ...]]
    """The noise schedules it fits: ``linear``, ``flow`` or both."""
    takes_log_snr: ClassVar[bool] = False
    """Whether its steps can be even in the log of the signal-to-noise ratio."""
    least_steps: ClassVar[int] = 1
    """The least number of steps."""
    init_noise_scale = 1.0

    def __init__(self, settings: SamplerSettings) -> None:
        self.learn_sigma = settings.learn_sigma
        self.done = 0
        """Number of calls so far."""
        self.timesteps = self.prepare(settings).float()

    def prepare(self, settings: SamplerSettings) -> Float[Tensor, " calls"] | Int[Tensor, " calls"]:
        """Choose the timesteps of the network's calls, in [0, 1000], never rising; called once, at construction."""
        raise NotImplementedError

    def step(self, prediction: Tensor, t: Tensor | float, x: Latents, generator: Generators = None) -> Latents:
        """Return the less noisy latents after one call of the network.

        Args:
            prediction: network output for ``x`` at ``t``, with twice the channels of ``x`` if the variance is learned.
            t: next value of ``timesteps``.
            x: noisy latents.
            generator: source of the noise that DDPM adds; one for the batch, or one for each of its windows.

        Raises:
            ValueError: the timestep is not the next one, or the channels do not fit.
        """
        if self.done == len(self.timesteps) or float(t) != float(self.timesteps[self.done]):
            following = [float(step) for step in self.timesteps[self.done : self.done + 1]]
            raise ValueError(f"timestep: expected the next one {following}, got {float(t)}")
        expected = x.shape[2] * (2 if self.learn_sigma else 1)
        if prediction.shape[2] != expected:
            raise ValueError(f"prediction: expected {expected} channels, got {prediction.shape[2]}")
        result = self.advance(prediction.to(x.dtype), x, generator)
        self.done += 1
        return result

    def advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        """Compute the less noisy latents of the call number ``done``; the arguments are those of ``step``."""
        raise NotImplementedError

    def mean(self, prediction: Tensor, x: Latents) -> Latents:
        """Return the prediction without a learned variance."""
        return prediction[:, :, : x.shape[2]]


def shortened_betas(timesteps: Int[Tensor, " steps"]) -> list[float]:
    """Compute the betas of a schedule that visits only some timesteps (rising), as in improved DDPM (Nichol 2021)."""
    kept = torch.cumprod(1 - linear_betas(), dim=0)[timesteps]
    before = torch.cat([torch.ones_like(kept[:1]), kept[:-1]])
    return (1 - kept / before).tolist()


_FLOW, _MULTISTEP = "lt_bench.diffusion.samplers.flow", "lt_bench.diffusion.samplers.multistep"
SAMPLERS = Registry(
    "sampler",
    Sampler,
    {
        "ddim": "lt_bench.diffusion.samplers.ddim:DdimSampler",
        "ddpm": "lt_bench.diffusion.samplers.ddpm:DdpmSampler",
        "dpmpp_2m": f"{_MULTISTEP}:DpmSolverSampler",
        "flow_euler": f"{_FLOW}:FlowEulerSampler",
        "flow_heun": f"{_FLOW}:FlowHeunSampler",
        "unipc": f"{_MULTISTEP}:UniPcSampler",
    },
)
"""Every sampler by name."""
register_sampler = SAMPLERS.register
