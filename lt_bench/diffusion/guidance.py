"""Classifier-free guidance with a scale for each modality."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class GuidanceWeights:
    """How much each prediction counts; a prediction of weight 0 need not be made."""

    uncond: float
    portrait: float
    both: float


def guidance_weights(portrait_scale: float, audio_scale: float) -> GuidanceWeights:
    """Weights of u, p and pa in ``u + portrait_scale (p - u) + audio_scale (pa - p)``; they sum to 1."""
    return GuidanceWeights(1 - portrait_scale, portrait_scale - audio_scale, audio_scale)


def guide(
    uncond: Tensor | None,
    portrait: Tensor | None,
    both: Tensor | None,
    portrait_scale: float,
    audio_scale: float,
    channels: int | None = None,
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

    Raises:
        ValueError: a prediction is None though its weight is not 0.
    """
    weights = guidance_weights(portrait_scale, audio_scale)
    terms = []
    for name, prediction in (("uncond", uncond), ("portrait", portrait), ("both", both)):
        weight = getattr(weights, name)
        if weight and prediction is None:
            raise ValueError(f"{name}: expected a prediction, for its weight is {weight}, got None")
        if weight and prediction is not None:
            terms.append((weight, prediction))
    if len(terms) == 1:  # its weight is 1
        return terms[0][1]
    fullest = terms[-1][1]
    guided = torch.stack([weight * prediction[:, :, :channels] for weight, prediction in terms]).sum(0)
    if channels is None or channels == fullest.shape[2]:
        return guided
    out = fullest.clone()
    out[:, :, :channels] = guided
    return out
