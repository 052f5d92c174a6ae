"""Variational bound that trains a learned variance (Nichol and Dhariwal 2021, improved DDPM)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import linear_betas

BIN = 1 / 255
"""Half width of the bins in which the likelihood of the clean latents is measured."""


@dataclass(frozen=True)
class Posterior:
    """q(x_{t-1} | x_t, x_0), equation 7 of Ho et al. (2020): mean = from_clean x_0 + from_noisy x_t; and log beta_t."""

    from_clean: Tensor
    from_noisy: Tensor
    log_variance: Tensor
    """Log variance; at t = 0, where it is minus infinity, the value at t = 1."""
    log_beta: Tensor


def posterior(timesteps: Tensor) -> Posterior:
    """Return the posterior at integer timesteps 0..999, float64, in the shape of ``timesteps``."""
    table, t = _posteriors(timesteps.device), timesteps.long()
    return Posterior(table.from_clean[t], table.from_noisy[t], table.log_variance[t], table.log_beta[t])


@lru_cache(maxsize=16)
def _posteriors(device: torch.device) -> Posterior:
    """Compute the posteriors of all timesteps; cached per device, because a copy stalls a GPU."""
    with torch.inference_mode(False):  # a table made in inference mode could not be used in training
        betas = linear_betas()
        kept = torch.cumprod(1 - betas, dim=0)
        before = torch.cat([torch.ones_like(kept[:1]), kept[:-1]])
        variance = betas * (1 - before) / (1 - kept)
        variance = torch.cat([variance[1:2], variance[1:]])
        return Posterior(
            from_clean=(betas * before.sqrt() / (1 - kept)).to(device),
            from_noisy=((1 - before) * (1 - betas).sqrt() / (1 - kept)).to(device),
            log_variance=variance.log().to(device),
            log_beta=betas.log().to(device),
        )


def interpolate_log_variance(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Apply equation 15 of Nichol and Dhariwal (2021): values -1..1 span the posterior variance to beta."""
    share = (values + 1) / 2
    return share * high + (1 - share) * low


def gaussian_kl(mean1: Tensor, log_variance1: Tensor, mean2: Tensor, log_variance2: Tensor) -> Tensor:
    """Compute KL(N1 || N2) of each element, in nats."""
    ratio = (log_variance1 - log_variance2).exp()
    return 0.5 * (log_variance2 - log_variance1 + ratio + (mean1 - mean2) ** 2 * (-log_variance2).exp() - 1)


def binned_nll(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the negative log-likelihood, in nats, that a Gaussian falls within 1/255 of x.

    For pixels the bins at -1 and 1 are open. Latents are not bounded, so every bin here is closed.
    """
    inverse = (-0.5 * log_variance).exp()
    upper, lower = inverse * (x - mean + BIN), inverse * (x - mean - BIN)
    # Both ends are moved to the left tail, where erfc keeps its precision; torch.special.ndtr does not in float32.
    flip = torch.where(upper + lower > 0, -1.0, 1.0)
    left, right = torch.minimum(flip * lower, flip * upper), torch.maximum(flip * lower, flip * upper)
    mass = 0.5 * (torch.special.erfc(-right / math.sqrt(2)) - torch.special.erfc(-left / math.sqrt(2)))
    return -mass.clamp(min=1e-12).log()


def variational_bound(
    epsilon: Tensor, values: Tensor, x0: Tensor, x: Tensor, timesteps: Tensor, signal: Tensor, sigma: Tensor
) -> Tensor:
    """Compute one term of the bound in bits per element: L_{t-1}, or at t = 0 the likelihood of the clean latents.

    Args:
        epsilon: predicted noise; its gradient is stopped, because the bound trains only the variance.
        values: variance values of the network.
        x0: clean latents.
        x: noisy latents.
        timesteps: integers 0..999, broadcastable.
        signal: signal level at the timesteps, broadcastable.
        sigma: noise level at the timesteps, broadcastable.
    """
    q = posterior(timesteps)
    cast = {name: getattr(q, name).to(x.dtype) for name in ("from_clean", "from_noisy", "log_variance", "log_beta")}
    predicted = (x - sigma * epsilon.detach()) / signal
    mean = cast["from_clean"] * predicted + cast["from_noisy"] * x
    true_mean = cast["from_clean"] * x0 + cast["from_noisy"] * x
    log_variance = interpolate_log_variance(values, cast["log_variance"], cast["log_beta"])
    kl = gaussian_kl(true_mean, cast["log_variance"], mean, log_variance)
    # The likelihood is computed for every window, though few have t = 0: testing for one would stall a GPU.
    nll = binned_nll(x0, mean, log_variance)
    return torch.where(timesteps < 1, nll, kl) / math.log(2)
