"""Training objective: noise schedule, prediction target and loss."""

from __future__ import annotations

import torch
from torch import Tensor

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.schedule import (
    STEPS,
    Marginal,
    epsilon_to_sample,
    flow_marginal,
    flow_to_sample,
    linear_marginal,
    v_to_sample,
)
from lt_bench.diffusion.variance import variational_bound
from lt_bench.diffusion.weighting import min_snr_weight
from lt_bench.errors import ConfigError
from lt_bench.shapes import Float, Timesteps

MAX_CHANNEL_EXPONENT = 4
MAX_LOGIT = 10
"""Largest absolute logit mean; beyond it, practically all timesteps are the first or the last."""


class Objective:
    """A noise schedule, a prediction type and a loss.

    Timesteps are floats, and larger is noisier: integers 0..999 for the linear schedule, t * 1000 in [0, 1000) for the
    flow. The loss is the mean squared error of the predicted quantity, with equal or min-SNR weights over timesteps. A
    learned variance adds one term of the variational bound, in bits per element, whose gradient reaches only the
    variance. This is the recipe of DiT (Peebles and Xie 2023), which equals improved DDPM's L_hybrid (the sum of the
    bound times 0.001).
    """

    def __init__(self, config: DiffusionConfig, learn_sigma: bool) -> None:
        """Check that schedule, prediction and variance are compatible.

        Raises:
            ConfigError: they are not compatible, or a number is out of range.
        """
        _check_pairing(config, learn_sigma)
        _check_timesteps(config)
        _check_weights(config)
        _check_pixel_loss(config)
        self.config = config
        self.learn_sigma = learn_sigma

    def sample_timesteps(
        self, batch: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
    ) -> Float[Tensor, " B"]:
        """Draw random timesteps; the generator is on the CPU for every device."""
        if self.config.timesteps == "logit_normal":  # Esser et al. 2024, section 3.1
            share = (self.config.logit_mean + self.config.logit_std * torch.randn(batch, generator=generator)).sigmoid()
        else:
            share = torch.rand(batch, generator=generator)
        timesteps = (share * STEPS).clamp(max=STEPS * (1 - 2**-24))
        return (timesteps.floor() if self.config.schedule == "linear" else timesteps).to(device)

    def marginal(self, t: Timesteps, like: Tensor) -> Marginal:
        """Return signal and noise at timesteps (B,), in the precision of ``like`` (B, ...) and broadcastable to it."""
        found = linear_marginal(t) if self.config.schedule == "linear" else flow_marginal(t)
        return Marginal(_spread(found.signal, like), _spread(found.sigma, like))

    def add_noise(self, x0: Tensor, noise: Tensor, t: Timesteps) -> Tensor:
        """Mix clean latents and noise at timesteps."""
        m = self.marginal(t, x0)
        return m.signal * x0 + m.sigma * noise

    def target(self, x0: Tensor, noise: Tensor, t: Timesteps) -> Tensor:
        """Return the quantity that the network predicts."""
        if self.config.prediction == "epsilon":
            return noise
        if self.config.prediction == "sample":
            return x0
        if self.config.schedule == "flow":
            return noise - x0
        m = self.marginal(t, x0)
        return m.signal * noise - m.sigma * x0

    def clean(self, prediction: Tensor, noisy: Tensor, t: Timesteps) -> Tensor:
        """Return the clean latents that a prediction implies, without the channels of a learned variance."""
        mean = prediction[:, :, : noisy.shape[2]]
        if self.config.prediction == "sample":
            return mean
        m = self.marginal(t, noisy)
        if self.config.prediction == "epsilon":
            return epsilon_to_sample(mean, noisy, m)
        return flow_to_sample(mean, noisy, m) if self.config.schedule == "flow" else v_to_sample(mean, noisy, m)

    def mouth_weights(self, mouth: Float[Tensor, "B F H W"]) -> Float[Tensor, "B F 1 H W"]:
        """Compute loss weights from a mask that is 1 inside the mouth box."""
        return (1 + (self.config.mouth_weight - 1) * mouth).unsqueeze(2)

    def channel_weights(self, std: tuple[float, ...]) -> Float[Tensor, "C 1 1"]:
        """Compute loss weights from the channels' standard deviations before scaling; their mean is 1."""
        weights = torch.tensor(std, dtype=torch.float64) ** self.config.channel_weight
        return (weights / weights.mean()).float()[:, None, None]

    def loss(
        self, prediction: Tensor, x0: Tensor, noise: Tensor, t: Timesteps, weight: Tensor | None = None
    ) -> Float[Tensor, " B"]:
        """Compute the loss of each window.

        Args:
            prediction: network output (B, F, C or 2C, H, W).
            x0: clean latents (B, F, C, H, W).
            noise: noise that was added.
            t: timesteps (B,).
            weight: positive weights that broadcast against the latents; the loss is the weighted mean of a window.
        """
        channels = x0.shape[2]
        expected = channels * (2 if self.learn_sigma else 1)
        if prediction.shape[2] != expected:
            raise ValueError(f"prediction: expected {expected} channels, got {prediction.shape[2]}")
        mean = prediction[:, :, :channels]
        error = (mean - self.target(x0, noise, t)) ** 2
        if self.config.min_snr_gamma:
            error = error * min_snr_weight(self.marginal(t, x0), self.config.prediction, self.config.min_snr_gamma)
        if self.learn_sigma:
            error = error + self._bound(mean, prediction[:, :, channels:], x0, noise, t)
        if weight is None:
            return error.flatten(1).mean(1)
        weight = weight.expand_as(error)
        return (error * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)

    def _bound(self, epsilon: Tensor, values: Tensor, x0: Tensor, noise: Tensor, t: Timesteps) -> Tensor:
        m = self.marginal(t, x0)
        steps = t.reshape(-1, *[1] * (x0.ndim - 1))
        return variational_bound(epsilon, values, x0, m.signal * x0 + m.sigma * noise, steps, m.signal, m.sigma)


def _check_pixel_loss(config: DiffusionConfig) -> None:
    if not 0 <= config.pixel_weight < float("inf"):
        raise ConfigError(f"diffusion.pixel_weight: expected 0 (off) or a positive number, got {config.pixel_weight}")
    if config.pixel_every < 1:
        raise ConfigError(f"diffusion.pixel_every: expected at least 1, got {config.pixel_every}")


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def _check_pairing(config: DiffusionConfig, learn_sigma: bool) -> None:
    if config.schedule == "flow" and config.prediction == "epsilon":
        raise ConfigError("diffusion.prediction: expected sample or velocity with schedule flow, got epsilon")
    if learn_sigma and (config.schedule, config.prediction) != ("linear", "epsilon"):
        raise ConfigError(
            "model.learn_sigma: expected false unless schedule is linear and prediction epsilon, "
            f"got true with {config.schedule} and {config.prediction}"
        )


def _check_timesteps(config: DiffusionConfig) -> None:
    if config.timesteps == "uniform" and (config.logit_mean, config.logit_std) != (0, 1):
        raise ConfigError(
            "diffusion.logit_mean, logit_std: expected 0 and 1 with timesteps uniform, "
            f"got {config.logit_mean} and {config.logit_std}"
        )
    if not abs(config.logit_mean) <= MAX_LOGIT:
        raise ConfigError(f"diffusion.logit_mean: expected -{MAX_LOGIT} to {MAX_LOGIT}, got {config.logit_mean}")
    if not 0 < config.logit_std <= MAX_LOGIT:
        raise ConfigError(f"diffusion.logit_std: expected above 0 and up to {MAX_LOGIT}, got {config.logit_std}")


def _check_weights(config: DiffusionConfig) -> None:
    if not 0 < config.mouth_weight < float("inf"):
        raise ConfigError(f"diffusion.mouth_weight: expected a positive number, got {config.mouth_weight}")
    if not 0 <= config.min_snr_gamma < float("inf"):
        raise ConfigError(f"diffusion.min_snr_gamma: expected 0 (off) or a positive number, got {config.min_snr_gamma}")
    if not 0 <= config.channel_weight <= MAX_CHANNEL_EXPONENT:
        raise ConfigError(
            f"diffusion.channel_weight: expected 0 to {MAX_CHANNEL_EXPONENT}, got {config.channel_weight}"
        )
