"""Blocks of a backbone: the spatial half that every block has, the temporal half, and the final layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lt_bench.models.conditions import Guide
from lt_bench.models.families import SOFTMAX, Family, Grid
from lt_bench.models.layers import Mlp, SelfAttention, linear, modulate
from lt_bench.models.tokens import WindowTokens
from lt_bench.shapes import Float


@dataclass(frozen=True)
class BlockShape:
    """Shapes that a block must fit."""

    dim: int
    heads: int
    family: Family = SOFTMAX
    grid: Grid | None = None
    """Grid of a frame's video tokens."""


class SpatialBlock(nn.Module):
    """Guidance, then attention within each frame and feed-forward (adaLN-Zero, Peebles and Xie 2023).

    Symbiotic tokens join the video's attention, and the feed-forward if the family includes them.
    """

    def __init__(self, shape: BlockShape, last: bool = False) -> None:
        """Build the block; the ``last`` one does not compute symbiotic tokens, because nothing reads them."""
        super().__init__()
        self._make_spatial(shape, last)

    def _make_spatial(self, shape: BlockShape, last: bool) -> None:
        self.last = last
        self.feeds_stream = shape.family.feeds_stream
        self.attention = shape.family.attention(shape.dim, shape.heads)
        self.mlp = shape.family.feed_forward(shape.dim, shape.grid)
        self.modulation = linear(shape.dim, 6 * shape.dim, zero=True)

    def forward(
        self, tokens: WindowTokens, time: Float[Tensor, "B D"], guides: Sequence[Guide], contexts: Sequence[Tensor] = ()
    ) -> WindowTokens:
        """Apply the block to a window.

        Args:
            tokens: tokens of the window.
            time: activated embedding of the timestep.
            guides: guides of both modalities, applied in order.
            contexts: contexts, from ``advance``, of tokens that the video attends to without changing them.
        """
        video = tokens.video
        for act, read in guides:
            video = act(video, read)
        tokens = tokens.with_video(video)
        shift1, scale1, gate1, shift2, scale2, gate2 = self._modulations(time)
        x = tokens.video_and_stream()
        places = tokens.video.shape[2]
        kept = places if self.last else x.shape[2]
        read = self.attention(modulate(x, shift1, scale1).flatten(0, 1), kept, contexts)
        x = x[:, :, :kept]
        x = torch.addcmul(x, gate1, read.view(x.shape))
        if self.feeds_stream or kept == places:
            x = torch.addcmul(x, gate2, self.mlp(modulate(x, shift2, scale2)))
            return tokens.with_video(x) if self.last else tokens.with_video_and_stream(x)
        x, stream = x.split([places, kept - places], dim=2)
        x = torch.addcmul(x, gate2, self.mlp(modulate(x, shift2, scale2)))
        return tokens.with_video(x).with_stream(stream)

    def advance(
        self, x: Float[Tensor, "B G N D"], time: Float[Tensor, "1 D"]
    ) -> tuple[Float[Tensor, "B G N D"], Tensor]:
        """Apply the block to tokens that attend only to themselves, and return their context for the video."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self._modulations(time)
        queries, context = self.attention.project(modulate(x, shift1, scale1).flatten(0, 1))
        if self.last:
            return x, context
        x = torch.addcmul(x, gate1, self.attention.attend(queries, context).view(x.shape))
        if self.feeds_stream:
            x = torch.addcmul(x, gate2, self.mlp(modulate(x, shift2, scale2)))
        return x, context

    def _modulations(self, time: Float[Tensor, "B D"]) -> tuple[Tensor, ...]:
        return self.modulation(time)[:, None, None].chunk(6, dim=-1)


class Block(SpatialBlock):
    """Temporal attention, guidance, spatial attention and feed-forward, in this order, as in the released LetsTalk.

    Motion frames pass only through temporal attention, and a symbiotic condition only through the spatial half.
    """

    def __init__(self, shape: BlockShape, last: bool = False) -> None:
        nn.Module.__init__(self)
        self.temporal_norm = nn.LayerNorm(shape.dim)
        self.temporal_attention = SelfAttention(shape.dim, shape.heads)
        self.temporal_linear = linear(shape.dim, shape.dim)
        self._make_spatial(shape, last)  # after the temporal half, because a seed's weights are drawn in order of use

    def forward(
        self, tokens: WindowTokens, time: Float[Tensor, "B D"], guides: Sequence[Guide], contexts: Sequence[Tensor] = ()
    ) -> WindowTokens:
        """Apply temporal attention without timestep or gate, then the spatial half."""
        x = tokens.motion_and_video()
        read = self.temporal_linear(over_time(self.temporal_attention, self.temporal_norm(x)))
        return super().forward(tokens.with_motion_and_video(x + read), time, guides, contexts)


class TemporalBlock(nn.Module):
    """Attention over time at each position, then an MLP, both adaLN-Zero; motion frames take part like the video."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.attention = SelfAttention(shape.dim, shape.heads)
        self.mlp = Mlp(shape.dim)
        self.modulation = linear(shape.dim, 6 * shape.dim, zero=True)

    def forward(self, tokens: WindowTokens, time: Float[Tensor, "B D"]) -> WindowTokens:
        """Apply the block to a window."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(time)[:, None, None].chunk(6, dim=-1)
        x = tokens.motion_and_video()
        x = torch.addcmul(x, gate1, over_time(self.attention, modulate(x, shift1, scale1)))
        x = torch.addcmul(x, gate2, self.mlp(modulate(x, shift2, scale2)))
        return tokens.with_motion_and_video(x)


def over_time(attention: SelfAttention, x: Float[Tensor, "B T N D"]) -> Float[Tensor, "B T N D"]:
    """Attend over all frames at each position."""
    B, T, N, D = x.shape
    return attention(x.transpose(1, 2).reshape(B * N, T, D)).view(B, N, T, D).transpose(1, 2)


class FinalLayer(nn.Module):
    """Modulated norm and a linear layer to the features of a patch; initially zero, as in DiT."""

    def __init__(self, dim: int, outputs: int) -> None:
        super().__init__()
        self.modulation = linear(dim, 2 * dim, zero=True)
        self.proj = linear(dim, outputs, zero=True)

    def forward(self, video: Float[Tensor, "B F N D"], time: Float[Tensor, "B D"]) -> Float[Tensor, "B F N P"]:
        """Compute the patches of the prediction."""
        shift, scale = self.modulation(time)[:, None, None].chunk(2, dim=-1)
        return self.proj(modulate(video, shift, scale))
