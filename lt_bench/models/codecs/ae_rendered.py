"""The embedded learned codec: a small autoencoder of rendered faces, with its weights in the package.

``experiments/codec/train.py`` trains it on rendered speakers that are in no split; ``experiments/codec/README.md``
has its held-out results. It is not designed for real faces, and preparing real videos with it is refused.
"""

from __future__ import annotations

from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from lt_bench.assets.packaged import packaged_weights
from lt_bench.files import sha256_json
from lt_bench.models.codecs.autoencoder import Autoencoder, AutoencoderConfig, Stage
from lt_bench.models.codecs.base import Codec, check_frames, check_raw, in_batches
from lt_bench.scaling import LatentScaling

NETWORK = AutoencoderConfig(
    channels=96,
    patch=4,
    stages=(Stage(56, 56, 1, 2), Stage(120, 80, 1, 2), Stage(176, 112, 1, 2), Stage(216, 152, 2, 2)),
)
WEIGHTS_SHA256 = "00ca23d7cf53c6816fa1fed7a0fd963191f4aaf54ee58e2c05747ca98be4fcfa"
WEIGHTS = "ae_rendered_f32.safetensors"
BATCH = 16
"""Frames per forward pass, which limits memory."""


class RenderedFacesCodec(Codec):
    """96 channels, factor 32: a frame of 128 pixels becomes 4 x 4 latent pixels.

    Raw latents already have about zero mean and unit variance, so ``scaling`` is the identity. The same weights give
    bit-identical latents on one machine, and latents that are equal up to rounding on other machines.
    """

    name = "ae_rendered_f32"

    @property
    def channels(self) -> int:
        """Return the number of channels of a latent."""
        return NETWORK.channels

    @property
    def factor(self) -> int:
        """Return the pixels of a frame's side per latent pixel."""
        return NETWORK.factor

    @property
    def scaling(self) -> LatentScaling:
        """Return the identity scaling."""
        return LatentScaling((0.0,) * self.channels, (1.0,) * self.channels)

    @property
    def hash(self) -> str:
        """Return the hex SHA-256 over the weights' pinned SHA-256."""
        return sha256_json({"codec": self.name, "weights": WEIGHTS_SHA256})

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 96 h w"]:
        """Encode frames in [-1, 1] to raw latents.

        Raises:
            AssetError: the weights in the package are missing or not the pinned ones.
            ConfigError: the sides are not multiples of 32.
        """
        check_frames(frames, self.factor)
        return in_batches(self._network.to(frames.device).encode, frames, BATCH)

    def decode(self, raw: Float[Tensor, "N 96 h w"]) -> Float[Tensor, "N 3 H W"]:
        """Decode raw latents to frames, not clamped.

        Raises:
            AssetError: the weights in the package are missing or not the pinned ones.
        """
        check_raw(raw, self.channels)
        return in_batches(self._network.to(raw.device).decode, raw, BATCH)

    @cached_property
    def _network(self) -> Autoencoder:
        return read_autoencoder(codec_weights())


def codec_weights() -> bytes:
    """Return the verified bytes of the packaged weights.

    Raises:
        AssetError: they are missing or not the pinned ones.
    """
    return packaged_weights("lt_bench.models.codecs", WEIGHTS, WEIGHTS_SHA256)


def read_autoencoder(data: bytes, config: AutoencoderConfig = NETWORK) -> Autoencoder:
    """Build the frozen network from the bytes of a safetensors file with half-precision weights."""
    from safetensors.torch import load

    network = Autoencoder(config)
    network.load_state_dict(load(data))
    # Channels last is 1.3 to 1.4 times as fast on a CPU; results differ by rounding.
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)
