"""How timesteps weigh in the loss."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import Marginal


def min_snr_weight(marginal: Marginal, prediction: Literal["epsilon", "sample", "velocity"], gamma: float) -> Tensor:
    """Weight of the predicted quantity's squared error (Hang et al. 2023, arXiv 2303.09556).

    The clean latents' squared error weighs min(SNR, gamma), SNR = signal^2 / sigma^2. A prediction's error is that of
    the clean latents times a factor of the timestep, whose square the weight is divided by: signal / sigma for the
    noise, 1 / sigma for the velocity, whether of the variance-preserving schedule or of the flow.

    Args:
        marginal: at the windows' timesteps.
        prediction: what the network predicts.
        gamma: positive; at infinity the error of the noise is weighted evenly.

    Returns:
        Positive weights in the marginal's shape, written so that neither end of the schedule divides by zero: at most 1
        for noise and velocity, at most ``gamma`` for clean latents; 0 for the velocity without noise.
    """
    signal, sigma = marginal.signal**2, marginal.sigma**2
    if prediction == "sample":
        return torch.clamp(signal / sigma, max=gamma)
    if prediction == "epsilon":
        return torch.clamp(gamma * sigma / signal, max=1.0)
    return torch.minimum(signal, gamma * sigma)
