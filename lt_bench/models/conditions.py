"""What guides a window: the portrait, the voice and the frames before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lt_bench.shapes import AudioWindows, Bool, Float, Latent

Guide = tuple[Callable[[Tensor, Any], Tensor], Any]
"""What acts on the video tokens of a block, and what it reads there: ``video = act(video, read)``.

Neither names the block, so that all blocks share one compiled variant.
"""


@dataclass(frozen=True)
class Conditions:
    """Conditions of a batch of windows; latents are scaled."""

    portrait: Latent
    """Clean latent of the reference frame."""
    audio: AudioWindows
    """Speech features around each frame of the window."""
    motion: Float[Tensor, "B M C H W"] | None
    """The latents just before the window, oldest first; None for a model without motion frames."""
    keep_portrait: Bool[Tensor, " B"]
    """False where the portrait is replaced by the learned null portrait."""
    keep_audio: Bool[Tensor, " B"]
    """False where the audio is replaced by the learned null audio."""

    def keeping(self, portrait: bool, audio: bool) -> Conditions:
        """The same batch with a modality dropped from every window (guidance needs such batches)."""
        return replace(
            self,
            keep_portrait=torch.full_like(self.keep_portrait, portrait),
            keep_audio=torch.full_like(self.keep_audio, audio),
        )


@dataclass(frozen=True)
class FusedCondition:
    """What a fusion makes of one modality before the first block: all that needs neither the video nor the timestep.

    The batch is every tensor's first dimension, so that windows can be taken out of a batch and put together.
    """

    stream: Float[Tensor, "B G N D"] | None = None
    """Tokens that join every block's spatial attention and MLP; G is the number of frames, or 1 for all alike."""
    layers: tuple[Tensor, ...] = ()
    """For each block, what the fusion's ``guide`` reads there."""
    apart: Float[Tensor, "B G N D"] | None = None
    """Tokens that pass through the blocks' spatial attention and MLP by themselves, clean (timestep 0), while the video
    reads them in each; they never read the video, so all of this is done once, by the backbone."""
    contexts: tuple[Tensor, ...] = ()
    """For each block, what the video's spatial attention reads of ``apart``; made by the backbone."""


@dataclass(frozen=True)
class EncodedConditions:
    """Conditions after the work that is the same at every denoising step of a window."""

    portrait: FusedCondition
    audio: FusedCondition
    motion: Float[Tensor, "B M N D"] | None
    """Embedded motion frames."""
