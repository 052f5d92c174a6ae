"""TAEF2: the tiny autoencoder of FLUX.2's latent space (github madebyollin/taesd, MIT); its weights are assets.

diffusers' AutoencoderTiny does not implement the pooled branch of the three blocks at the lowest resolution. Without
these weights, the PSNR falls from above 30 dB to 16 dB. Here every key of both files must be used.
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
BATCH = 4
"""Frames per forward pass, which limits memory; larger batches are not faster."""
SCALING_FILE = Path(__file__).with_name("taef2_scaling.json")
ENCODER, DECODER = "taef2_encoder.pth", "taef2_decoder.pth"


class Block(nn.Module):
    """Three convolutions with a residual; ``pooled`` adds a branch whose group norm covers the whole picture.

    Sums and activations overwrite the output of a convolution, which no gradient needs; memory traffic would take a
    tenth of the time.
    """

    def __init__(self, pooled: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
        for _ in range(2):
            layers += [nn.ReLU(inplace=True), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
        self.conv = nn.Sequential(*layers)
        self.pool = _pooled_branch() if pooled else None

    def forward(self, x: Float[Tensor, "N 64 h w"]) -> Float[Tensor, "N 64 h w"]:
        """Apply the block, which keeps the shape."""
        if self.pool is not None:
            x = x + self.pool(x)
        return self.conv(x).add_(x).relu_()


class UpsamplingConv(nn.Conv2d):
    """A 3x3 convolution of the picture upsampled by two, with each pixel repeated.

    Three rows of the upsampled picture are two rows of the original, so an output pixel needs 2x2 products, not 3x3.
    The kernel for each of the four positions in a repeated pixel sums the weights that apply to the same input.
    """

    def __init__(self) -> None:
        super().__init__(WIDTH, WIDTH, 3, bias=False)

    def forward(self, x: Float[Tensor, "N 64 h w"]) -> Float[Tensor, "N 64 2*h 2*w"]:
        """Upsample and convolve, with zero padding."""
        n, _, height, width = x.shape
        kernels = _paired(_paired(self.weight).transpose(-1, -2)).transpose(-1, -2)
        phases = torch.conv2d(x, kernels.flatten(0, 2), padding=1).unflatten(1, (2, 2, WIDTH))
        out = x.new_empty((n, WIDTH, 2 * height, 2 * width)).to(memory_format=torch.channels_last)
        for column in range(2):
            for row in range(2):
                out[..., row::2, column::2] = phases[:, column, row, :, row : row + height, column : column + width]
        return out


def _paired(weight: Float[Tensor, "*kernels 3 W"]) -> Float[Tensor, "2 *kernels 2 W"]:
    """Return kernels of two rows, for the upper and the lower of two equal rows of pixels."""
    above, middle, below = weight.unbind(-2)
    upper, lower = torch.stack([above, middle + below], -2), torch.stack([above + middle, below], -2)
    return torch.stack([upper, lower])


class SoftClamp(nn.Module):
    """Limits latents to (-3, 3) smoothly."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the limit to each element."""
        return 3 * torch.tanh(x / 3)


def _pooled_branch() -> nn.Sequential:
    widen, narrow = nn.Conv2d(WIDTH, POOLED, 1, bias=False), nn.Conv2d(POOLED, WIDTH, 1, bias=False)
    return nn.Sequential(widen, nn.GroupNorm(4, POOLED), nn.ReLU(), narrow)


def build_encoder() -> nn.Sequential:
    """Build the network from pictures in [0, 1] to raw latents with an eighth of the side."""
    layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 3, padding=1), Block()]
    for stage in range(3):
        layers.append(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False))
        layers += [Block(pooled=stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, CHANNELS, 3, padding=1))


def build_decoder() -> nn.Sequential:
    """Build the network from raw latents to pictures about in [0, 1]."""
    layers: list[nn.Module] = [SoftClamp(), nn.Conv2d(CHANNELS, WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
    for stage in range(3):
        layers += [Block(pooled=stage == 0) for _ in range(3)]
        layers += [nn.Identity(), UpsamplingConv()]  # two, because the keys of the file count an upsampling layer
    return nn.Sequential(*layers, Block(), nn.Conv2d(WIDTH, 3, 3, padding=1))


def _channels_last(batch: Tensor) -> Tensor:
    """Convert to the memory format in which convolutions on a CPU need no reordering."""
    return batch.contiguous(memory_format=torch.channels_last)


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
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


class Taef2Codec(Codec):
    """32 channels, factor 8, about 13 to 15 frames per second of 128 pixels on one CPU core.

    Raw latents are those of FLUX.2's autoencoder before its normalization. ``scaling`` whitens each channel with
    constants that ``experiments/detectors/measure_codec_scaling.py`` measured on faces.
    """

    name = "taef2"
    encoder_assets = (ENCODER,)
    decoder_assets = (DECODER,)

    @property
    def channels(self) -> int:
        """Return the number of channels of a latent."""
        return CHANNELS

    @property
    def factor(self) -> int:
        """Return the pixels of a frame's side per latent pixel."""
        return FACTOR

    @property
    def scaling(self) -> LatentScaling:
        """Return the per-channel whitening."""
        return self._scaling

    @property
    def hash(self) -> str:
        """Return the hex SHA-256 over both files' pinned SHA-256 and the scaling constants; no file is needed."""
        weights = [asset(ENCODER).sha256, asset(DECODER).sha256]
        return sha256_json({"codec": self.name, "weights": weights, "mean": self.scaling.mean, "std": self.scaling.std})

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 32 h w"]:
        """Encode frames in [-1, 1] to raw latents.

        Raises:
            AssetError: the weights are missing.
            ConfigError: the sides are not multiples of 8.
        """
        check_frames(frames, self.factor)
        network = self._encoder.to(frames.device)
        return in_batches(lambda batch: network(_channels_last((batch + 1) / 2)), frames, BATCH).contiguous()

    def decode(self, raw: Float[Tensor, "N 32 h w"]) -> Float[Tensor, "N 3 H W"]:
        """Decode raw latents to frames, not clamped.

        Raises:
            AssetError: the weights are missing.
        """
        check_raw(raw, self.channels)
        network = self._decoder.to(raw.device)
        return in_batches(lambda batch: network(_channels_last(batch)) * 2 - 1, raw, BATCH).contiguous()

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
