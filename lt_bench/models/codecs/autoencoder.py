"""A small convolutional autoencoder whose latents have unit variance: the network of the embedded codec.

Encoder and decoder are deterministic. Latents are normalized by batch statistics without learned scale, as in batch
normalization (Ioffe and Szegedy 2015), so noise of a given level means the same in every channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class Stage:
    """Layers at one resolution."""

    width: int
    """Number of features."""
    hidden: int
    """Number of features inside a residual block."""
    encoder_blocks: int
    decoder_blocks: int


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of the autoencoder network."""

    channels: int
    """Number of channels of a latent."""
    patch: int
    """Pixels per side that the first layer folds into features."""
    stages: tuple[Stage, ...]
    """Stages from the highest resolution to that of the latents; each halves the sides of the previous stage."""

    @property
    def factor(self) -> int:
        """Return the pixels of a frame's side per latent pixel."""
        return self.patch * 2 ** (len(self.stages) - 1)


class ResidualBlock(nn.Module):
    """A 3x3 and a 1x1 convolution with a residual, initially the identity; no normalization."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, hidden, 3, padding=1)
        self.mix = nn.Conv2d(hidden, width, 1)
        for parameter in self.mix.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "N C h w"]) -> Float[Tensor, "N C h w"]:
        """Return an update of ``x``."""
        return x + self.mix(torch.relu(self.spatial(x)))


class Autoencoder(nn.Module):
    """Autoencoder between frames in [-1, 1] and latents of about zero mean and unit variance."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _encoder(config)
        self.normalize = nn.BatchNorm2d(config.channels, affine=False, momentum=0.02)
        self.decoder = _decoder(config)

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """Return the latents of frames."""
        return self.normalize(self.encoder(frames))

    def decode(self, latents: Float[Tensor, "N C h w"]) -> Float[Tensor, "N 3 H W"]:
        """Return the frames of latents, not clamped."""
        return self.decoder(latents)


def _encoder(config: AutoencoderConfig) -> nn.Sequential:
    first, *rest = config.stages
    layers: list[nn.Module] = [
        nn.PixelUnshuffle(config.patch),
        nn.Conv2d(3 * config.patch**2, first.width, 3, padding=1),
        *_blocks(first, first.encoder_blocks),
    ]
    width = first.width
    for stage in rest:
        layers += [nn.ReLU(), nn.Conv2d(width, stage.width, 2, stride=2), *_blocks(stage, stage.encoder_blocks)]
        width = stage.width
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, config.channels, 1))


def _decoder(config: AutoencoderConfig) -> nn.Sequential:
    stages = config.stages[::-1]
    layers: list[nn.Module] = [
        nn.Conv2d(config.channels, stages[0].width, 1),
        *_blocks(stages[0], stages[0].decoder_blocks),
    ]
    width = stages[0].width
    for stage in stages[1:]:
        layers += [nn.ReLU(), nn.Conv2d(width, 4 * stage.width, 1), nn.PixelShuffle(2)]
        layers += _blocks(stage, stage.decoder_blocks)
        width = stage.width
    head = nn.Conv2d(width, 3 * config.patch**2, 3, padding=1)
    return nn.Sequential(*layers, nn.ReLU(), head, nn.PixelShuffle(config.patch))


def _blocks(stage: Stage, count: int) -> list[nn.Module]:
    return [ResidualBlock(stage.width, stage.hidden) for _ in range(count)]
