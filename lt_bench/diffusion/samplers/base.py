"""Base class of the samplers, and the settings shared by diffusers' schedulers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import BETA_FIRST, BETA_LAST, STEPS, linear_betas
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


class Sampler:
    """Denoises latents in a fixed number of steps; it keeps state, so each window needs a new sampler.

    Attributes:
        timesteps: network input at each call (calls,), in [0, 1000], never increasing. A step is one call; only Heun's
            is two.
        init_noise_scale: standard deviation of the first x.
    """

    init_noise_scale = 1.0

    def __init__(self, timesteps: Float[Tensor, " calls"] | Int[Tensor, " calls"], learn_sigma: bool) -> None:
        self.timesteps = timesteps.float()
        self.learn_sigma = learn_sigma
        self._done = 0

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
        if self._done == len(self.timesteps) or float(t) != float(self.timesteps[self._done]):
            following = [float(step) for step in self.timesteps[self._done : self._done + 1]]
            raise ValueError(f"timestep: expected the next one {following}, got {float(t)}")
        expected = x.shape[2] * (2 if self.learn_sigma else 1)
        if prediction.shape[2] != expected:
            raise ValueError(f"prediction: expected {expected} channels, got {prediction.shape[2]}")
        result = self._advance(prediction.to(x.dtype), x, generator)
        self._done += 1
        return result

    def _advance(self, prediction: Tensor, x: Latents, generator: Generators) -> Latents:
        raise NotImplementedError

    def _mean(self, prediction: Tensor, x: Latents) -> Latents:
        """Return the prediction without the learned variance."""
        return prediction[:, :, : x.shape[2]]


def shortened_betas(timesteps: Int[Tensor, " steps"]) -> list[float]:
    """Compute the betas of a schedule that visits only some timesteps (rising), as in improved DDPM (Nichol 2021)."""
    kept = torch.cumprod(1 - linear_betas(), dim=0)[timesteps]
    before = torch.cat([torch.ones_like(kept[:1]), kept[:-1]])
    return (1 - kept / before).tolist()
