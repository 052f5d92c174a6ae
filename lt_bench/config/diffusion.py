"""The objective: noise schedule, what is predicted, and how the loss is weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DiffusionConfig:
    """A diffusion or flow-matching objective."""

    schedule: Literal["linear", "flow"] = "linear"
    """``linear``: DDPM, 1000 steps, beta 1e-4..0.02. ``flow``: rectified flow, x_t = (1-t) x_0 + t noise."""
    prediction: Literal["epsilon", "sample", "velocity"] = "epsilon"
    timesteps: Literal["uniform", "logit_normal"] = "uniform"
    """Distribution of training timesteps; ``logit_normal``: the logit of t / 1000 is normal (Esser et al. 2024)."""
    logit_mean: float = 0.0
    """Mean of that logit; above 0 trains more on noisy latents. Only with ``timesteps: logit_normal``."""
    logit_std: float = 1.0
    """Its deviation, positive. Only with ``timesteps: logit_normal``."""
    min_snr_gamma: float = 0.0
    """Min-SNR weighting (Hang et al. 2023): in terms of the clean latents' error, timesteps weigh min(SNR, gamma).

    Whatever is predicted, the weight of its own error is converted accordingly. The paper's gamma is 5; 0 is off: the
    error of the predicted quantity, unweighted. The variational bound of a learned variance is never weighted.
    """
    mouth_weight: float = 1.0
    """Weight of the loss inside the mouth box, relative to the rest (1 = no difference)."""
    channel_weight: float = 0.0
    """Exponent p of a latent channel's weight in the loss: (standard deviation of its raw latents)^p, scaled to mean 1.

    0 weighs whitened channels alike; 2 weighs them by their energy, for an orthonormal codec the error in pixels.
    """
    pixel_weight: float = 0.0
    """Weight of an additional L1 loss between decoded predicted and decoded true frames (0 = off, nothing is decoded).

    One frame of each window is decoded, and the mouth box counts ``mouth_weight`` times.
    """
    pixel_every: int = 2
    """Optimizer steps from one step with the pixel loss to the next."""
