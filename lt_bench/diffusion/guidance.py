"""Classifier-free guidance with a scale for each modality, an interval of noise levels and a rescale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import STEPS


@dataclass(frozen=True)
class GuidanceWeights:
    """Weight of each prediction; a prediction with weight 0 is not needed."""

    uncond: float
    portrait: float
    both: float


def guidance_weights(portrait_scale: float, audio_scale: float) -> GuidanceWeights:
    """Return the weights of u, p and pa in ``u + portrait_scale (p - u) + audio_scale (pa - p)``; they sum to 1."""
    return GuidanceWeights(1 - portrait_scale, portrait_scale - audio_scale, audio_scale)


def within_interval(timestep: float, interval: tuple[float, float]) -> bool:
    """Return whether guidance applies at a timestep: ``low < t / 1000 <= high`` (Kynkaanniemi et al. 2024).

    An interval that starts at 0 includes the last step, which is t = 0 for DDPM.
    """
    low, high = interval
    return (low < timestep / STEPS or low == 0) and timestep / STEPS <= high


def rescale(guided: Tensor, both: Tensor, share: float) -> Tensor:
    """Move the guided prediction's standard deviation toward that of the prediction with both conditions.

    Implements equations 15 and 16 of Lin et al. (2024). The deviation is computed per window, so windows of a batch do
    not affect each other.

    Args:
        guided: (B, F, C, H, W), positive deviation.
        both: prediction with both conditions, same shape.
        share: 0 returns the guided prediction, 1 gives it the deviation of ``both``.
    """
    deviations = [x.flatten(1).std(1).reshape(-1, *[1] * (x.ndim - 1)) for x in (both, guided)]
    return guided * (share * deviations[0] / deviations[1] + 1 - share)


def guide(
    uncond: Tensor | None,
    portrait: Tensor | None,
    both: Tensor | None,
    portrait_scale: float,
    audio_scale: float,
    channels: int | None = None,
    rescale_share: float = 0.0,
) -> Tensor:
    """Combine predictions (B, F, C or 2C, H, W) without conditions, with the portrait, and with portrait and audio.

    Args:
        uncond: prediction without conditions; each prediction can be None if its weight is 0.
        portrait: prediction with the portrait.
        both: prediction with portrait and audio.
        portrait_scale: 1 is no guidance.
        audio_scale: 1 is no guidance.
        channels: number of leading channels to guide; the others (a learned variance) are copied from the given
            prediction with the most conditions. None for all.
        rescale_share: see ``rescale``; values above 0 need ``both``.

    Raises:
        ValueError: a prediction with a nonzero weight is None.
    """
    weights = guidance_weights(portrait_scale, audio_scale)
    terms = []
    for name, prediction in (("uncond", uncond), ("portrait", portrait), ("both", both)):
        weight = getattr(weights, name)
        if weight and prediction is None:
            raise ValueError(f"{name}: expected a prediction, because its weight is {weight}, got None")
        if weight and prediction is not None:
            terms.append((weight, prediction))
    if len(terms) == 1 and (not rescale_share or terms[0][1] is both):  # its weight is 1
        return terms[0][1]
    fullest = both if rescale_share and both is not None else terms[-1][1]
    guided = torch.stack([weight * prediction[:, :, :channels] for weight, prediction in terms]).sum(0)
    if rescale_share:
        if both is None:
            raise ValueError("both: expected a prediction to rescale to, got None")
        guided = rescale(guided, both[:, :, :channels], rescale_share)
    if channels is None or channels == fullest.shape[2]:
        return guided
    out = fullest.clone()
    out[:, :, :channels] = guided
    return out
