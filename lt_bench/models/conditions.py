"""Conditions of a window: the portrait, the audio and the motion frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lt_bench.shapes import AudioWindows, Bool, Float, Latent

Guide = tuple[Callable[[Tensor, Any], Tensor], Any]
"""A function on the video tokens of a block, and the tensors that it reads: ``video = act(video, read)``.

Neither depends on the block's index, so that all blocks share one compiled variant.
"""


@dataclass(frozen=True)
class Conditions:
    """Conditions of a batch of windows; latents are scaled."""

    portrait: Latent
    """Clean latent of the reference frame."""
    audio: AudioWindows
    """Audio features around each frame of the window."""
    motion: Float[Tensor, "B M C H W"] | None
    """Latents just before the window, oldest first; None for a model without motion frames."""
    keep_portrait: Bool[Tensor, " B"]
    """False if the portrait is replaced by the learned null portrait."""
    keep_audio: Bool[Tensor, " B"]
    """False if the audio is replaced by the learned null audio."""

    def keeping(self, portrait: bool, audio: bool) -> Conditions:
        """Return the batch with modalities dropped from every window, as guidance needs it."""
        return replace(
            self,
            keep_portrait=torch.full_like(self.keep_portrait, portrait),
            keep_audio=torch.full_like(self.keep_audio, audio),
        )


@dataclass(frozen=True)
class FusedCondition:
    """Output of a fusion scheme for one modality before the first block; depends on neither video nor timestep.

    The batch is the first dimension of every tensor, so that windows can be selected from a batch and concatenated.
    """

    stream: Float[Tensor, "B G N D"] | None = None
    """Tokens that join every block's spatial attention and MLP; G is the number of frames, or 1 if all share them."""
    layers: tuple[Tensor, ...] = ()
    """For each block, the tensor that the fusion's ``guide`` reads."""
    apart: Float[Tensor, "B G N D"] | None = None
    """Tokens that pass separately through the blocks' spatial attention and MLP, clean (timestep 0). The video attends
    to them in each block. They never attend to the video, so the backbone computes them once."""
    contexts: tuple[Tensor, ...] = ()
    """For each block, the context of ``apart`` for the video's spatial attention; computed by the backbone."""


@dataclass(frozen=True)
class EncodedConditions:
    """Conditions after the computations that are the same at every denoising step of a window."""

    portrait: FusedCondition
    audio: FusedCondition
    motion: Float[Tensor, "B M N D"] | None
    """Embedded motion frames before the window."""
