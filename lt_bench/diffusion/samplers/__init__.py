"""Samplers: diffusers' schedulers, set up for what our networks predict; ``SAMPLERS`` lists them by name.

diffusers computes the steps. These modules choose the timesteps, apply the learned variance (only DDPM uses it) and
convert predictions to the type that a scheduler expects.
"""

from __future__ import annotations

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.samplers.base import SAMPLERS, Generators, Sampler, SamplerSettings, register_sampler
from lt_bench.diffusion.schedule import STEPS
from lt_bench.errors import ConfigError

__all__ = ["SAMPLERS", "Generators", "Sampler", "SamplerSettings", "build_sampler", "register_sampler"]


def build_sampler(
    name: str, steps: int, config: DiffusionConfig, learn_sigma: bool = False, spacing: str = "even"
) -> Sampler:
    """Build a sampler for networks trained with ``config``.

    Args:
        name: ``ddpm`` and ``ddim`` for the linear schedule, ``flow_euler`` and ``flow_heun`` for the flow, ``dpmpp_2m``
            and ``unipc`` for both, or a plugin's.
        steps: of the sampler; one call of the network each, but two with ``flow_heun`` (and one in its last step).
        config: what the network was trained for.
        learn_sigma: whether the network also predicts the variance.
        spacing: spacing of the steps, as in ``SamplingConfig``.

    Raises:
        ConfigError: the sampler is unknown or does not fit the schedule, or the number of steps is out of range.
    """
    kind, schedule = SAMPLERS.get(name, "sampling.sampler"), config.schedule
    if schedule not in kind.schedules:
        expected = ", ".join(other for other in SAMPLERS.names() if schedule in SAMPLERS.get(other).schedules)
        raise ConfigError(f"sampling.sampler: expected one of {expected} with schedule {schedule}, got '{name}'")
    log_snr = spacing == "log_snr"
    if log_snr and (schedule == "flow" or not kind.takes_log_snr):
        fitting = " or ".join(other for other in SAMPLERS.names() if SAMPLERS.get(other).takes_log_snr)
        got = f"{name} and schedule {schedule}"
        raise ConfigError(f"sampling.spacing: expected even unless {fitting} on the linear schedule, got {got}")
    if not kind.least_steps <= steps <= STEPS:
        raise ConfigError(f"sampling.steps: expected {kind.least_steps} to {STEPS}, got {steps}")
    return kind(SamplerSettings(steps, config.prediction, learn_sigma, schedule == "flow", log_snr))
