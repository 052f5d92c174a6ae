"""Samplers: diffusers' schedulers, configured for the networks of lt_bench.

diffusers computes the steps. These modules choose the timesteps, apply the learned variance (only DDPM uses it) and
convert predictions to the type that a scheduler expects.
"""

from __future__ import annotations

from collections.abc import Callable

from lt_bench.config import DiffusionConfig
from lt_bench.config.sampling import SamplerName
from lt_bench.diffusion.samplers.base import Generators, Sampler
from lt_bench.diffusion.samplers.ddim import DdimSampler
from lt_bench.diffusion.samplers.ddpm import DdpmSampler
from lt_bench.diffusion.samplers.flow import FlowEulerSampler, FlowHeunSampler
from lt_bench.diffusion.samplers.multistep import DpmSolverSampler, UniPcSampler
from lt_bench.diffusion.schedule import STEPS
from lt_bench.errors import ConfigError

__all__ = ["Generators", "Sampler", "SamplerName", "build_sampler"]


def build_sampler(
    name: SamplerName, steps: int, config: DiffusionConfig, learn_sigma: bool = False, spacing: str = "even"
) -> Sampler:
    """Build a sampler for networks trained with ``config``.

    Args:
        name: ``ddpm`` and ``ddim`` for the linear schedule, ``flow_euler`` and ``flow_heun`` for the flow, ``dpmpp_2m``
            and ``unipc`` for both.
        steps: number of steps; a step is one network call, except that ``flow_heun`` needs two (and one in its last).
        config: objective that the network was trained with.
        learn_sigma: whether the network also predicts the variance.
        spacing: spacing of the steps, as in ``SamplingConfig``.

    Raises:
        ConfigError: the sampler is unknown or does not fit the schedule, or the number of steps is out of range.
    """
    flow = config.schedule == "flow"
    log_snr = spacing == "log_snr"
    fitting: dict[str, Callable[[], Sampler]] = {
        "dpmpp_2m": lambda: DpmSolverSampler(steps, config.prediction, learn_sigma, flow, log_snr),
        "unipc": lambda: UniPcSampler(steps, config.prediction, learn_sigma, flow, log_snr),
    }
    if flow:
        fitting["flow_euler"] = lambda: FlowEulerSampler(steps, config.prediction)
        fitting["flow_heun"] = lambda: FlowHeunSampler(steps, config.prediction)
    else:
        fitting["ddpm"] = lambda: DdpmSampler(steps, config.prediction, learn_sigma)
        fitting["ddim"] = lambda: DdimSampler(steps, config.prediction, learn_sigma)
    if name not in fitting:
        expected = ", ".join(sorted(fitting))
        raise ConfigError(f"sampling.sampler: expected one of {expected} with schedule {config.schedule}, got '{name}'")
    if log_snr and (flow or name not in ("dpmpp_2m", "unipc")):
        got = f"{name} and schedule {config.schedule}"
        raise ConfigError(f"sampling.spacing: expected even unless dpmpp_2m or unipc on the linear schedule, got {got}")
    least = 2 if name == "ddpm" else 1  # a single step would be that of t = 0, which treats noise as clean latents
    if not least <= steps <= STEPS:
        raise ConfigError(f"sampling.steps: expected {least} to {STEPS}, got {steps}")
    return fitting[name]()
