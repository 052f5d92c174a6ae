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
    """Distribution of training timesteps."""
    mouth_weight: float = 1.0
    """Weight of the loss inside the mouth box, relative to the rest (1 = no difference)."""
    channel_weight: float = 0.0
    """Exponent p of a latent channel's weight in the loss: (standard deviation of its raw latents)^p, scaled to mean 1.

    0 weighs whitened channels alike; 2 weighs them by their energy, for an orthonormal codec the error in pixels.
    """
