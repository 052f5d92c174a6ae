"""Softmax attention and an MLP: the family of DiT, Latte and the released LetsTalk, for latents like SD-VAE's."""

from __future__ import annotations

from torch import nn

from lt_bench.models.families.base import Family, Grid
from lt_bench.models.layers import Attention, Mlp, SelfAttention


class SoftmaxFamily(Family):
    """Softmax attention among all tokens, and an MLP on each token."""

    name = "softmax"
    feeds_stream = True

    def attention(self, dim: int, heads: int) -> Attention:
        """Build multi-head softmax attention."""
        return SelfAttention(dim, heads)

    def feed_forward(self, dim: int, grid: Grid | None) -> nn.Module:
        """Build an MLP whose hidden layer is four times as wide."""
        return Mlp(dim)
