"""One block of the backbone, and the final layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lt_bench.models.layers import Mlp, SelfAttention, linear, modulate
from lt_bench.models.tokens import WindowTokens
from lt_bench.shapes import Float

Guide = Callable[[Float[Tensor, "B F N D"]], Float[Tensor, "B F N D"]]


class Block(nn.Module):
    """Temporal attention, guidance, spatial attention, MLP: in this order, as in the released LetsTalk.

    Motion frames pass only through temporal attention; a symbiotic condition only through spatial attention and MLP.
    """

    def __init__(self, dim: int, heads: int, last: bool = False) -> None:
        """Build the block; after the ``last`` one a symbiotic condition is not needed, and its half is not computed."""
        super().__init__()
        self.last = last
        self.temporal_norm = nn.LayerNorm(dim)
        self.temporal_attention = SelfAttention(dim, heads)
        self.temporal_linear = linear(dim, dim)
        self.attention = SelfAttention(dim, heads)
        self.mlp = Mlp(dim)
        self.modulation = linear(dim, 6 * dim, zero=True)

    def forward(self, tokens: WindowTokens, time: Float[Tensor, "B D"], guide: Guide) -> WindowTokens:
        """Run the block.

        Args:
            tokens: the window's tokens.
            time: activated embedding of the timestep.
            guide: applies both modalities' guidance to the video tokens.
        """
        tokens = self._temporal(tokens)
        tokens = tokens.with_video(guide(tokens.video))
        return self._spatial(tokens, time)

    def _temporal(self, tokens: WindowTokens) -> WindowTokens:
        x = tokens.motion_and_video()
        B, T, N, D = x.shape
        sequences = self.temporal_norm(x).transpose(1, 2).reshape(B * N, T, D)
        read = self.temporal_linear(self.temporal_attention(sequences))
        return tokens.with_motion_and_video(x + read.view(B, N, T, D).transpose(1, 2))

    def _spatial(self, tokens: WindowTokens, time: Float[Tensor, "B D"]) -> WindowTokens:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(time)[:, None, None].chunk(6, dim=-1)
        x = tokens.video_and_stream()
        kept = tokens.video.shape[2] if self.last else x.shape[2]
        read = self.attention(modulate(x, shift1, scale1).flatten(0, 1), kept)
        x = x[:, :, :kept]
        x = torch.addcmul(x, gate1, read.view(x.shape))
        x = torch.addcmul(x, gate2, self.mlp(modulate(x, shift2, scale2)))
        return tokens.with_video(x) if self.last else tokens.with_video_and_stream(x)


class FinalLayer(nn.Module):
    """Modulated norm and a linear layer to the features of a patch; all zero at first, as in DiT."""

    def __init__(self, dim: int, outputs: int) -> None:
        super().__init__()
        self.modulation = linear(dim, 2 * dim, zero=True)
        self.proj = linear(dim, outputs, zero=True)

    def forward(self, video: Float[Tensor, "B F N D"], time: Float[Tensor, "B D"]) -> Float[Tensor, "B F N P"]:
        """Patches of the prediction."""
        shift, scale = self.modulation(time)[:, None, None].chunk(2, dim=-1)
        return self.proj(modulate(video, shift, scale))
