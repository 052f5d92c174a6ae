"""Layers of the blocks and fusion schemes; every layer initializes itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lt_bench.shapes import Float

NORM_EPS = 1e-6
MOST_SEQUENCES = 65_535
"""CUDA's limit for the second and third dimension of a kernel, over which fused attention distributes sequences."""


def linear(inputs: int, outputs: int, bias: bool = True, zero: bool = False, groups: int = 1) -> nn.Linear:
    """Create a linear layer with Xavier-uniform (or zero) weights and zero bias.

    If ``groups`` layers share their input and are computed as one, they are initialized as separate layers.
    """
    layer = nn.Linear(inputs, outputs, bias=bias)
    if zero:
        nn.init.zeros_(layer.weight)
    else:
        for part in layer.weight.chunk(groups):
            nn.init.xavier_uniform_(part)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def normalise(x: Tensor) -> Tensor:
    """Apply layer norm without weights."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPS)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Apply layer norm with a shift and scale from the timestep (adaLN, Peebles and Xie 2023)."""
    if shift.numel() == x.shape[-1]:  # one timestep for all: the norm's own weights need a single pass
        weight, bias = (
            vector.flatten().to(x.dtype) for vector in (1 + scale, shift)
        )  # bf16 weights for a float32 x would fail
        return F.layer_norm(x, x.shape[-1:], weight, bias, NORM_EPS)
    return torch.addcmul(shift, normalise(x), 1 + scale)


def keys_and_values(context: Float[Tensor, "S 2 heads M d"]) -> tuple[Tensor, Tensor]:
    """Split keys and values, (S, heads, M, d).

    The split follows the memory order of the layer that computed them, so that their gradient is joined in one copy.
    """
    keys, values = context.permute(0, 3, 1, 2, 4).unbind(2)
    return keys.transpose(1, 2), values.transpose(1, 2)


def softmax_attention(
    queries: Float[Tensor, "S heads N d"], keys: Float[Tensor, "S heads M d"], values: Float[Tensor, "S heads M d"]
) -> Float[Tensor, "S heads N d"]:
    """Attend within each sequence; more than ``MOST_SEQUENCES`` are computed in parts, with the same result."""
    if len(queries) <= MOST_SEQUENCES:
        return F.scaled_dot_product_attention(queries, keys, values)
    parts = zip(*(x.split(MOST_SEQUENCES) for x in (queries, keys, values)), strict=True)
    return torch.cat([F.scaled_dot_product_attention(*part) for part in parts])


class Attention(nn.Module):
    """Self-attention whose keys and values can be stored and combined with those of other tokens.

    The interface of a family's spatial attention. ``project`` and ``attend`` are its two halves, with ``Context``
    between them.
    """

    def project(self, x: Float[Tensor, "S N D"]) -> tuple[Tensor, Tensor]:
        """Return the queries of S sequences, and the context that these and other queries attend to."""
        raise NotImplementedError

    def join(self, own: Tensor, other: Tensor) -> Tensor:
        """Combine two contexts; each context of ``other`` can apply to several consecutive sequences of ``own``."""
        raise NotImplementedError

    def first(self, queries: Tensor, count: int | None) -> Tensor:
        """Select the queries of the first tokens."""
        raise NotImplementedError

    def attend(self, queries: Tensor, context: Tensor) -> Float[Tensor, "S N D"]:
        """Attend from the queries to the context."""
        raise NotImplementedError

    def forward(
        self, x: Float[Tensor, "S N D"], first: int | None = None, contexts: Sequence[Tensor] = ()
    ) -> Float[Tensor, "S M D"]:
        """Attend within each of S sequences, and to the contexts of tokens that do not attend back.

        Args:
            x: sequences of tokens.
            first: number of leading tokens whose results are returned; None for all.
            contexts: results of ``project`` for other tokens.
        """
        queries, context = self.project(x)
        for other in contexts:
            context = self.join(context, other)
        return self.attend(self.first(queries, first), context)


class SelfAttention(Attention):
    """Multi-head softmax attention over the second to last dimension."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = linear(dim, 3 * dim)
        self.proj = linear(dim, dim)

    def project(self, x: Float[Tensor, "S N D"]) -> tuple[Tensor, Tensor]:
        """Return queries (S, heads, N, d), and keys and values (S, 2, heads, N, d)."""
        queries, context = self._qkv(x).split([1, 2], dim=2)
        return queries.squeeze(2).transpose(1, 2), context.permute(0, 2, 3, 1, 4)

    def join(self, own: Float[Tensor, "S 2 heads N d"], other: Float[Tensor, "T 2 heads M d"]) -> Tensor:
        """Concatenate all keys and values."""
        apart = own.unflatten(0, (len(other), -1))
        other = other.unsqueeze(1).expand(-1, apart.shape[1], -1, -1, -1, -1)
        return torch.cat([apart, other], dim=-2).flatten(0, 1)

    def first(self, queries: Float[Tensor, "S heads N d"], count: int | None) -> Tensor:
        """Select the queries of the first tokens."""
        return queries[:, :, :count]

    def attend(
        self, queries: Float[Tensor, "S heads N d"], context: Float[Tensor, "S 2 heads M d"]
    ) -> Float[Tensor, "S N D"]:
        """Apply softmax attention to the context."""
        return self._read(queries, *keys_and_values(context))

    def forward(
        self, x: Float[Tensor, "S N D"], first: int | None = None, contexts: Sequence[Tensor] = ()
    ) -> Float[Tensor, "S M D"]:
        """Attend as the base class does; without other contexts, one split of all three saves gradient copies."""
        if contexts:
            return super().forward(x, first, contexts)
        queries, keys, values = (part.transpose(1, 2) for part in self._qkv(x).unbind(2))
        return self._read(self.first(queries, first), keys, values)

    def _qkv(self, x: Float[Tensor, "S N D"]) -> Float[Tensor, "S N 3 heads d"]:
        return self.qkv(x).unflatten(-1, (3, self.heads, -1))

    def _read(self, queries: Tensor, keys: Tensor, values: Tensor) -> Float[Tensor, "S N D"]:
        return self.proj(softmax_attention(queries, keys, values).transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention from video tokens to a condition, whose keys and values are computed once and reused."""

    def __init__(self, dim: int, heads: int, context_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = linear(dim, dim, bias=False)
        self.kv = linear(context_dim, 2 * dim, bias=False, groups=2)
        self.proj = linear(dim, dim)

    def keys_values(self, context: Float[Tensor, "B G M C"]) -> Float[Tensor, "B G 2 heads M d"]:
        """Compute keys and values of the condition; G is the number of frames, or 1 if all frames share them."""
        B, G, M, _ = context.shape
        return self.kv(context).view(B, G, M, 2, self.heads, -1).permute(0, 1, 3, 4, 2, 5)

    def forward(
        self, x: Float[Tensor, "B F N D"], keys_values: Float[Tensor, "B G 2 heads M d"]
    ) -> Float[Tensor, "B F N D"]:
        """Attend from each frame's tokens to the frame's condition."""
        keys, values = keys_and_values(keys_values.flatten(0, 1))
        S = keys.shape[0]
        q = self.q(x).view(S, -1, self.heads, keys.shape[-1]).transpose(1, 2)
        out = softmax_attention(q, keys, values)
        return self.proj(out.transpose(1, 2).reshape(x.shape))

    def guide(
        self, video: Float[Tensor, "B F N D"], keys_values: Float[Tensor, "B G 2 heads M d"]
    ) -> Float[Tensor, "B F N D"]:
        """Add the result of the attention; the video is normalized without weights, and there is no gate."""
        return video + self(normalise(video), keys_values)


class CrossAttentions(nn.ModuleList):
    """A cross-attention for each block of the backbone."""

    def __init__(self, depth: int, dim: int, heads: int, context_dim: int) -> None:
        super().__init__(CrossAttention(dim, heads, context_dim) for _ in range(depth))

    def keys_values(self, layer: int, context: Float[Tensor, "B G M C"]) -> Float[Tensor, "B G 2 heads M d"]:
        """Compute keys and values for block ``layer``."""
        return self.of(layer).keys_values(context)

    def of(self, layer: int) -> CrossAttention:
        """Return the cross-attention of block ``layer``."""
        module = self[layer]
        assert isinstance(module, CrossAttention)
        return module


class Mlp(nn.Sequential):
    """Two layers with tanh-approximated GELU; the hidden layer is four times as wide."""

    def __init__(self, dim: int) -> None:
        super().__init__(linear(dim, 4 * dim), nn.GELU(approximate="tanh"), linear(4 * dim, dim))
