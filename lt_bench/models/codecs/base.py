"""Interface of a codec, and construction of a codec from its name in a configuration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lt_bench.errors import ConfigError
from lt_bench.scaling import LatentScaling

CODECS = "ae_rendered_f32, dct, taef2, kl:PATH or dc:PATH"


class Codec(ABC):
    """Converts frames to raw latents and back; frozen, and runs on the device of its input."""

    name: str
    """Name that the codec was built from, without a path."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Return the number of channels of a latent."""

    @property
    @abstractmethod
    def factor(self) -> int:
        """Return the pixels of a frame's side per latent pixel."""

    @property
    @abstractmethod
    def hash(self) -> str:
        """Return the hex SHA-256 of everything that affects the numbers: weights, or settings and constants."""

    @property
    @abstractmethod
    def scaling(self) -> LatentScaling:
        """Return the scaling between raw latents and the latents of a diffusion model."""

    @abstractmethod
    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """Encode frames in [-1, 1], whose sides are multiples of ``factor``, to raw (unscaled) latents."""

    @abstractmethod
    def decode(self, raw: Float[Tensor, "N C h w"]) -> Float[Tensor, "N 3 H W"]:
        """Decode raw latents to frames, about in [-1, 1], not clamped so that gradients pass."""


def build_codec(spec: str) -> Codec:
    """Build the codec that a configuration names: ``ae_rendered_f32``, ``dct``, ``taef2``, ``kl:PATH`` or ``dc:PATH``.

    PATH is a local folder in diffusers' layout, or the id of a repository on the Hugging Face hub; ``PATH@bf16``
    computes in bfloat16. Weights are read at first use, so building is cheap and the codec can be sent to worker
    processes.

    Raises:
        ConfigError: the name is unknown.
    """
    name, _, path = spec.partition(":")
    if spec == "ae_rendered_f32":
        from lt_bench.models.codecs.ae_rendered import RenderedFacesCodec

        return RenderedFacesCodec()
    if spec == "dct":
        from lt_bench.models.codecs.dct import DctCodec

        return DctCodec()
    if spec == "taef2":
        from lt_bench.models.codecs.taef2 import Taef2Codec

        return Taef2Codec()
    if name == "kl" and path:
        from lt_bench.models.codecs.pretrained import KlCodec

        return KlCodec(path)
    if name == "dc" and path:
        from lt_bench.models.codecs.pretrained import DcCodec

        return DcCodec(path)
    raise ConfigError(f"codec: expected {CODECS}, got {spec!r}")


def frames_to_tensor(frames: UInt8[ndarray, "N H W 3"]) -> Float[Tensor, "N 3 H W"]:
    """Convert RGB frames 0..255 to a float32 tensor in [-1, 1]."""
    return torch.tensor(frames).permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


def tensor_to_frames(tensor: Float[Tensor, "N 3 H W"]) -> UInt8[ndarray, "N H W 3"]:
    """Convert a tensor about in [-1, 1] to RGB frames 0..255, clamped and rounded."""
    scaled = (tensor.detach().float() + 1) * 127.5
    return scaled.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def check_frames(frames: Tensor, factor: int) -> None:
    """Check that a codec of this factor can encode a batch.

    Raises:
        ConfigError: the shape is not (N, 3, H, W), or the sides are not multiples of ``factor``.
    """
    if frames.ndim != 4 or frames.shape[1] != 3:
        raise ConfigError(f"frames: expected the shape (N, 3, H, W), got {tuple(frames.shape)}")
    height, width = frames.shape[-2:]
    if height % factor or width % factor or not height or not width:
        raise ConfigError(f"resolution: expected sides that are multiples of {factor}, got {width}x{height}")


def check_raw(raw: Tensor, channels: int) -> None:
    """Check that latents have the codec's number of channels.

    Raises:
        ConfigError: the shape is not (N, channels, h, w).
    """
    if raw.ndim != 4 or raw.shape[1] != channels:
        raise ConfigError(f"latents: expected the shape (N, {channels}, h, w), got {tuple(raw.shape)}")


def in_batches(function: Callable[[Tensor], Tensor], given: Tensor, size: int) -> Tensor:
    """Apply a function of independent samples to ``size`` samples at a time, which limits memory."""
    return torch.cat([function(part) for part in given.split(size)]) if len(given) > size else function(given)
