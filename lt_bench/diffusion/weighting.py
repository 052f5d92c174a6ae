"""Loss weights of timesteps."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import Marginal


def min_snr_weight(marginal: Marginal, prediction: Literal["epsilon", "sample", "velocity"], gamma: float) -> Tensor:
    """Compute the min-SNR weight of the predicted quantity's squared error (Hang et al. 2023, arXiv 2303.09556).

    The squared error of the clean latents has the weight min(SNR, gamma), with SNR = signal^2 / sigma^2. The error of a
    prediction is the error of the clean latents times a factor that depends on the timestep, so the weight is divided
    by the square of that factor: signal / sigma for the noise, 1 / sigma for the velocity of either schedule.

    Args:
        marginal: signal and noise levels at the windows' timesteps.
        prediction: quantity that the network predicts.
        gamma: positive; at infinity the error of the noise is weighted evenly.

    Returns:
        Positive weights in the marginal's shape, at most 1 for noise and velocity and at most ``gamma`` for clean
        latents; 0 for the velocity without noise. Neither end of the schedule divides by zero.
    """
    signal, sigma = marginal.signal**2, marginal.sigma**2
    if prediction == "sample":
        return torch.clamp(signal / sigma, max=gamma)
    if prediction == "epsilon":
        return torch.clamp(gamma * sigma / signal, max=1.0)
    return torch.minimum(signal, gamma * sigma)
