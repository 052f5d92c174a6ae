"""Classifier-free guidance with a scale for each modality, an interval of noise levels and a rescale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lt_bench.diffusion.schedule import STEPS


@dataclass(frozen=True)
class GuidanceWeights:
    """How much each prediction counts; a prediction of weight 0 need not be made."""

    uncond: float
    portrait: float
    both: float


def guidance_weights(portrait_scale: float, audio_scale: float) -> GuidanceWeights:
    """Weights of u, p and pa in ``u + portrait_scale (p - u) + audio_scale (pa - p)``; they sum to 1."""
    return GuidanceWeights(1 - portrait_scale, portrait_scale - audio_scale, audio_scale)


def within_interval(timestep: float, interval: tuple[float, float]) -> bool:
    """Whether guidance applies at a timestep in [0, 1000]: ``low < t / 1000 <= high`` (Kynkaanniemi et al. 2024).

    An interval from 0 holds the last step too, which for DDPM is that of t = 0.
    """
    low, high = interval
    return (low < timestep / STEPS or low == 0) and timestep / STEPS <= high


def rescale(guided: Tensor, both: Tensor, share: float) -> Tensor:
    """Bring the guided prediction's standard deviation towards that of the prediction with both conditions.

    Equations 15 and 16 of Lin et al. (2024). The deviation is that of a whole window, so windows do not depend on
    those beside them.

    Args:
        guided: (B, F, C, H, W), positive deviation.
        both: of the same shape.
        share: 0 leaves the guided prediction, 1 gives it the deviation of ``both``.
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
        uncond: None is allowed where the weight is 0; so for the others.
        portrait: see above.
        both: see above.
        portrait_scale: 1 is no guidance.
        audio_scale: 1 is no guidance.
        channels: guide only the first so many channels and take the rest (a learned variance) from the fullest given
            prediction; None for all.
        rescale_share: see ``rescale``; above 0 it needs ``both``.

    Raises:
        ValueError: a prediction is None though it counts.
    """
    weights = guidance_weights(portrait_scale, audio_scale)
    terms = []
    for name, prediction in (("uncond", uncond), ("portrait", portrait), ("both", both)):
        weight = getattr(weights, name)
        if weight and prediction is None:
            raise ValueError(f"{name}: expected a prediction, for its weight is {weight}, got None")
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
