"""The one place where raw latents become scaled latents and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class LatentScaling:
    """Per-channel affine map that gives latents about zero mean and unit variance.

    Stored in a cache and in a checkpoint as two lists of one number a channel. SD-VAE's single factor 0.18215 is
    ``mean = 0``, ``std = 1 / 0.18215`` for every channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or min(self.std, default=0.0) <= 0:
            raise ValueError(f"expected as many means as positive stds, got {len(self.mean)} and {self.std}")

    def raw_to_latents(self, raw: Tensor) -> Tensor:
        """Scale raw codec output, shape (..., channels, height, width)."""
        mean, std = self._constants(raw)
        return (raw - mean).div_(std)

    def latents_to_raw(self, latents: Tensor) -> Tensor:
        """Undo ``raw_to_latents``."""
        mean, std = self._constants(latents)
        return latents * std + mean

    def _constants(self, like: Tensor) -> tuple[Tensor, Tensor]:
        if like.shape[-3] != len(self.mean):
            raise ValueError(f"expected {len(self.mean)} latent channels, got {like.shape[-3]}")
        return _tensors(self, like.dtype, like.device)


@lru_cache(maxsize=64)
def _tensors(scaling: LatentScaling, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Kept, for making them costs more than scaling a window."""
    import torch

    with torch.inference_mode(False):  # else constants made while sampling could not be trained through
        mean, std = (torch.tensor(v, dtype=dtype, device=device)[:, None, None] for v in (scaling.mean, scaling.std))
    return mean, std
