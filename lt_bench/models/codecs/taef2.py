"""TAEF2: the tiny autoencoder of FLUX.2's latent space (github madebyollin/taesd, MIT); its weights are assets.

diffusers' AutoencoderTiny has no place for the pooled branch of the three blocks at the lowest resolution; loaded
there without those weights the picture falls from above 30 dB to 16. Here every key of both files must be used.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.assets.weights import load_torch_weights
from lt_bench.errors import AssetError
from lt_bench.files import read_json, sha256_json
from lt_bench.models.codecs.base import Codec, check_frames, check_raw, in_batches
from lt_bench.scaling import LatentScaling

CHANNELS, FACTOR = 32, 8
WIDTH, POOLED = 64, 256
BATCH = 8
"""Frames a forward pass, which bounds memory."""
SCALING_FILE = Path(__file__).with_name("taef2_scaling.json")
ENCODER, DECODER = "taef2_encoder.pth", "taef2_decoder.pth"


class Block(nn.Module):
    """Three convolutions with a residual; ``pooled`` adds a branch whose group norm sees the whole picture."""

    def __init__(self, pooled: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
        for _ in range(2):
            layers += [nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
        self.conv = nn.Sequential(*layers)
        self.pool = _pooled_branch() if pooled else None

    def forward(self, x: Float[Tensor, "N 64 h w"]) -> Float[Tensor, "N 64 h w"]:
        """One block; the shape stays."""
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class SoftClamp(nn.Module):
    """Keeps latents inside (-3, 3)."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return 3 * torch.tanh(x / 3)


def _pooled_branch() -> nn.Sequential:
    widen, narrow = nn.Conv2d(WIDTH, POOLED, 1, bias=False), nn.Conv2d(POOLED, WIDTH, 1, bias=False)
    return nn.Sequential(widen, nn.GroupNorm(4, POOLED), nn.ReLU(), narrow)


def build_encoder() -> nn.Sequential:
    """Pictures in [0, 1] to raw latents an eighth the side."""
    layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 3, padding=1), Block()]
    for stage in range(3):
        layers.append(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False))
        layers += [Block(pooled=stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, CHANNELS, 3, padding=1))


def build_decoder() -> nn.Sequential:
    """Raw latents to pictures about in [0, 1]."""
    layers: list[nn.Module] = [SoftClamp(), nn.Conv2d(CHANNELS, WIDTH, 3, padding=1), nn.ReLU()]
    for stage in range(3):
        layers += [Block(pooled=stage == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, Block(), nn.Conv2d(WIDTH, 3, 3, padding=1))


def load_network(network: nn.Sequential, path: Path) -> nn.Sequential:
    """Load a file of half-precision weights into a frozen float32 network.

    Raises:
        AssetError: its keys or shapes are not exactly the network's.
    """
    weights = {key: value.float() for key, value in load_torch_weights(path).items()}
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        first = str(error).replace("\n\t", " ").splitlines()[0]
        raise AssetError(f"{path}: expected exactly the weights of TAEF2, got others: {first[:200]}") from error
    return network.eval().requires_grad_(False)


class Taef2Codec(Codec):
    """32 channels, factor 8, about 8 frames a second of 128 pixels on one CPU core.

    Raw latents are those of FLUX.2's autoencoder before its normalisation. ``scaling`` whitens each channel by
    constants measured on faces by ``experiments/detectors/measure_codec_scaling.py``.
    """

    name = "taef2"

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return CHANNELS

    @property
    def factor(self) -> int:
        """Pixels of a frame's side per latent pixel."""
        return FACTOR

    @property
    def scaling(self) -> LatentScaling:
        """Per-channel whitening."""
        return self._scaling

    @property
    def hash(self) -> str:
        """Hex SHA-256 over both files' pinned SHA-256 and the scaling's constants; needs no file to be here."""
        weights = [asset(ENCODER).sha256, asset(DECODER).sha256]
        return sha256_json({"codec": self.name, "weights": weights, "mean": self.scaling.mean, "std": self.scaling.std})

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 32 h w"]:
        """Raw latents of frames in [-1, 1].

        Raises:
            AssetError: the weights are not here.
            ConfigError: the sides are not multiples of 8.
        """
        check_frames(frames, self.factor)
        network = self._encoder.to(frames.device)
        return in_batches(lambda batch: network((batch + 1) / 2), frames, BATCH)

    def decode(self, raw: Float[Tensor, "N 32 h w"]) -> Float[Tensor, "N 3 H W"]:
        """Frames of raw latents, not clamped.

        Raises:
            AssetError: the weights are not here.
        """
        check_raw(raw, self.channels)
        network = self._decoder.to(raw.device)
        return in_batches(lambda batch: network(batch) * 2 - 1, raw, BATCH)

    @cached_property
    def _scaling(self) -> LatentScaling:
        measured = read_json(SCALING_FILE)
        return LatentScaling(tuple(measured["mean"]), tuple(measured["std"]))

    @cached_property
    def _encoder(self) -> nn.Sequential:
        return load_network(build_encoder(), asset_path(ENCODER))

    @cached_property
    def _decoder(self) -> nn.Sequential:
        return load_network(build_decoder(), asset_path(DECODER))
