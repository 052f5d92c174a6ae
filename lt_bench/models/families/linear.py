"""Linear attention and a gated-convolution feed-forward, for latents of a deep autoencoder (DC-AE, patch 1).

This is the design of SANA (Xie et al., arXiv 2410.10629), named Litecatlong in LetsTalk's release. The cost is linear
in the number of tokens. The convolution of the feed-forward also encodes positions.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lt_bench.errors import ConfigError
from lt_bench.models.families.base import Family, Grid
from lt_bench.models.layers import Attention, Mlp, linear
from lt_bench.shapes import Float

HEAD_DIM = 32
EPS = 1e-8


class LinearAttention(Attention):
    """ReLU linear attention (Katharopoulos et al. 2020; EfficientViT, Cai et al. 2023), 32 features per head.

    out_i = q_i S / (q_i z + eps) with S = sum_j k_j v_j^T, z = sum_j k_j, q and k after ReLU. The context consists of S
    and z, whose size does not depend on the number of tokens. Contexts of several sets of tokens are added. The
    computation is always in float32, also in mixed precision, because the sums grow with the number of tokens.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim % HEAD_DIM:
            raise ConfigError(f"model.family: expected a hidden size divisible by {HEAD_DIM} for 'linear', got {dim}")
        self.heads = dim // HEAD_DIM
        self.qkv = linear(dim, 3 * dim, bias=False)
        self.proj = linear(dim, dim)

    def project(self, x: Float[Tensor, "S N D"]) -> tuple[Tensor, Tensor]:
        """Return queries (S, heads, N, d), and S and z as one tensor (S, heads, d, d + 1)."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, HEAD_DIM)).permute(2, 0, 3, 1, 4).float()
        keys, values = F.relu(qkv[1]), F.pad(qkv[2], (0, 1), value=1.0)
        with _full_precision(x):
            return F.relu(qkv[0]), keys.transpose(-1, -2) @ values

    def join(self, own: Float[Tensor, "S heads d e"], other: Float[Tensor, "T heads d e"]) -> Tensor:
        """Add the two contexts."""
        return (own.unflatten(0, (len(other), -1)) + other[:, None]).flatten(0, 1)

    def first(self, queries: Float[Tensor, "S heads N d"], count: int | None) -> Tensor:
        """Select the queries of the first tokens."""
        return queries[:, :, :count]

    def attend(
        self, queries: Float[Tensor, "S heads N d"], context: Float[Tensor, "S heads d e"]
    ) -> Float[Tensor, "S N D"]:
        """Compute the weighted means of the values."""
        with _full_precision(queries):
            read = queries @ context
        read = read[..., :-1] / (read[..., -1:] + EPS)
        return self.proj(read.transpose(1, 2).flatten(2).to(self.proj.weight.dtype))


def _full_precision(x: Tensor) -> AbstractContextManager[object]:
    kind = x.device.type  # "meta" where operations are only counted
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


class MixFeedForward(nn.Module):
    """Gated convolution (GLUMBConv): widen, SiLU, depthwise 3x3 convolution, gate by SiLU of one half, narrow."""

    def __init__(self, dim: int, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.widen = linear(dim, 8 * dim)
        self.depthwise = nn.Conv2d(8 * dim, 8 * dim, kernel_size=3, padding=1, groups=8 * dim)
        self.narrow = linear(4 * dim, dim, bias=False)

    def forward(self, x: Float[Tensor, "*B N D"]) -> Float[Tensor, "*B N D"]:
        """Apply the convolution to each frame separately."""
        wide = F.silu(self.widen(x)).flatten(0, -3).transpose(1, 2).unflatten(2, self.grid)
        values, gates = self.depthwise(wide).flatten(2).transpose(1, 2).chunk(2, dim=-1)
        return self.narrow(values * F.silu(gates)).view(x.shape)


class LinearFamily(Family):
    """Linear attention, with a feed-forward on video tokens only."""

    name = "linear"
    feeds_stream = False

    def attention(self, dim: int, heads: int) -> Attention:
        """Build linear attention; ``heads`` is used only by temporal and cross-attention."""
        return LinearAttention(dim)

    def feed_forward(self, dim: int, grid: Grid | None) -> nn.Module:
        """Build a gated convolution on a grid, or an MLP for tokens without positions (a siamese twin of the audio)."""
        return Mlp(dim) if grid is None else MixFeedForward(dim, grid)
