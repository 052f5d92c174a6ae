"""DDPM's noise schedule, rectified flow, and exact conversions between prediction types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

STEPS = 1000
BETA_FIRST, BETA_LAST = 1e-4, 0.02


@dataclass(frozen=True)
class Marginal:
    """Signal and noise levels in x_t = signal x_0 + sigma noise; each broadcasts against the latents."""

    signal: Tensor
    sigma: Tensor


def linear_betas() -> Tensor:
    """Return the linear schedule of Ho et al. (2020), float64 (1000,)."""
    return torch.linspace(BETA_FIRST, BETA_LAST, STEPS, dtype=torch.float64)


def linear_marginal(timesteps: Tensor) -> Marginal:
    """Evaluate equation 4 of Ho et al. (2020) at integer timesteps 0..999; results have the shape of ``timesteps``."""
    kept = _kept(timesteps.device)[timesteps.long()]
    return Marginal(kept.sqrt(), (1 - kept).sqrt())


@lru_cache(maxsize=16)
def _kept(device: torch.device) -> Tensor:
    """Return the share of the clean latents' variance at each timestep; cached per device, as a copy stalls a GPU."""
    with torch.inference_mode(False):  # a table made in inference mode could not be used in training
        return torch.cumprod(1 - linear_betas(), dim=0).to(device)


def flow_marginal(timesteps: Tensor) -> Marginal:
    """Evaluate rectified flow (Liu et al. 2023; Lipman et al. 2023) at t in [0, 1000]: x_t = (1 - t) x_0 + t noise."""
    t = timesteps.double() / STEPS
    return Marginal(1 - t, t)


def epsilon_to_sample(epsilon: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert noise to clean latents; singular without signal."""
    return (x - marginal.sigma * epsilon) / marginal.signal


def sample_to_epsilon(sample: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert clean latents to noise; singular without noise."""
    return (x - marginal.signal * sample) / marginal.sigma


def v_to_sample(v: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert v = signal noise - sigma x_0 to clean latents (Salimans and Ho 2022, with signal^2 + sigma^2 = 1)."""
    return marginal.signal * x - marginal.sigma * v


def sample_to_v(sample: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert clean latents to v, the inverse of ``v_to_sample``; singular without noise."""
    return (marginal.signal * x - sample) / marginal.sigma


def flow_to_sample(flow: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert the flow's velocity noise - x_0 to clean latents (signal + sigma = 1)."""
    return x - marginal.sigma * flow


def sample_to_flow(sample: Tensor, x: Tensor, marginal: Marginal) -> Tensor:
    """Convert clean latents to the flow's velocity; singular without noise."""
    return (x - sample) / marginal.sigma
