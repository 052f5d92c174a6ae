"""Fixed sine and cosine embeddings of positions and timesteps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lt_bench.shapes import Float, Int


def sincos_1d(positions: Int[Tensor, " N"], dim: int) -> Float[Tensor, "N D"]:
    """Return sines, then cosines, at frequencies 1 .. 1/10000 (Vaswani et al. 2017, 3.5); ``dim`` is even."""
    frequencies = 10000.0 ** (-torch.arange(dim // 2, dtype=torch.float64, device=positions.device) / (dim / 2))
    angles = positions.double()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def sincos_2d(height: int, width: int, dim: int) -> Float[Tensor, "N D"]:
    """Embed the positions of a grid row by row: the first half of the features is the column, the second the row.

    ``dim`` is divisible by 4.
    """
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.cat([sincos_1d(columns.flatten(), dim // 2), sincos_1d(rows.flatten(), dim // 2)], dim=1)


def timestep_features(timesteps: Float[Tensor, " B"], dim: int = 256) -> Float[Tensor, "B D"]:
    """Return cosines, then sines, of timesteps (Ho et al. 2020, as in DiT)."""
    half = dim // 2
    frequencies = torch.exp(torch.arange(half, device=timesteps.device) * (-math.log(10000.0) / half))
    angles = timesteps.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
