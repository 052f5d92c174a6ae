"""Embedders of latents, timesteps and audio features as tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lt_bench.models.layers import linear
from lt_bench.models.positions import timestep_features
from lt_bench.shapes import AudioWindows, Bool, Float, Latents, Timesteps


class PatchEmbedder(nn.Module):
    """Divides latents into square patches and embeds each; shared by video, portrait and motion frames."""

    def __init__(self, channels: int, patch: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = linear(channels * patch * patch, dim)

    def forward(self, latents: Latents) -> Float[Tensor, "B F N D"]:
        """Embed patches, row by row."""
        B, F, C, H, W = latents.shape
        p = self.patch
        patches = latents.view(B, F, C, H // p, p, W // p, p).permute(0, 1, 3, 5, 2, 4, 6)
        return self.proj(patches.reshape(B, F, (H // p) * (W // p), C * p * p))


def unpatchify(patches: Float[Tensor, "B F N P"], height: int, width: int, patch: int) -> Latents:
    """Assemble patches, whose features are (row, column, channel), to latents of ``height`` x ``width``."""
    B, F, _, P = patches.shape
    channels = P // patch**2
    grid = patches.view(B, F, height // patch, width // patch, patch, patch, channels)
    return grid.permute(0, 1, 6, 2, 4, 3, 5).reshape(B, F, channels, height, width)


class TimestepEmbedder(nn.Module):
    """A 256-dimensional sinusoid of the timestep, followed by two layers."""

    def __init__(self, dim: int, features: int = 256) -> None:
        super().__init__()
        self.features = features
        self.mlp = nn.Sequential(linear(features, dim), nn.SiLU(), linear(dim, dim))
        for weight in (parameter for parameter in self.parameters() if parameter.ndim == 2):
            nn.init.normal_(weight, std=0.02)  # as DiT

    def forward(self, timesteps: Timesteps) -> Float[Tensor, "B D"]:
        """Embed timesteps in [0, 1000]."""
        features = timestep_features(timesteps, self.features)
        return self.mlp(features.to(next(self.parameters()).dtype))


class AudioProjector(nn.Module):
    """Projects the audio features around a frame to the frame's audio tokens.

    The layers are linear, ReLU, linear, ReLU, linear, layer norm. If the audio is dropped, every token is the same
    learned null token.
    """

    def __init__(self, inputs: int, hidden: int, tokens: int, dim: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.layers = nn.Sequential(
            linear(inputs, hidden), nn.ReLU(), linear(hidden, hidden), nn.ReLU(), linear(hidden, tokens * dim)
        )
        self.norm = nn.LayerNorm(dim)
        self.null = nn.Parameter(torch.randn(dim) * 0.02)

    def forward(self, audio: AudioWindows, keep: Bool[Tensor, " B"]) -> Float[Tensor, "B F N K"]:
        """Project each frame's window."""
        tokens = self.layers(audio.flatten(2)).unflatten(-1, (self.tokens, -1))
        return torch.where(keep[:, None, None, None], self.norm(tokens), self.null)
