"""Settings of the objective: noise schedule, prediction type and loss weights."""

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
    """Distribution of training timesteps. ``logit_normal``: the logit of t / 1000 is normal (Esser et al. 2024)."""
    logit_mean: float = 0.0
    """Mean of the logit; values above 0 train more on noisy latents. Only with ``timesteps: logit_normal``."""
    logit_std: float = 1.0
    """Standard deviation of the logit, positive. Only with ``timesteps: logit_normal``."""
    min_snr_gamma: float = 0.0
    """Min-SNR weighting (Hang et al. 2023): the error of the clean latents has the weight min(SNR, gamma).

    The weight is converted to the error of the predicted quantity. The paper uses 5. 0 is off, so the error of the
    predicted quantity is not weighted. The variational bound of a learned variance is never weighted.
    """
    mouth_weight: float = 1.0
    """Weight of the loss inside the mouth box, relative to the rest (1 = no difference)."""
    channel_weight: float = 0.0
    """Exponent p of a latent channel's weight in the loss: (standard deviation of its raw latents)^p, scaled to mean 1.

    0 gives whitened channels equal weights. 2 weights them by their energy, which for an orthonormal codec is the error
    in pixels.
    """
    pixel_weight: float = 0.0
    """Weight of an additional L1 loss between decoded predicted and decoded true frames (0 = off, nothing is decoded).

    One frame of each window is decoded, and the mouth box counts ``mouth_weight`` times.
    """
    pixel_every: int = 2
    """Optimizer steps from one step with the pixel loss to the next."""
