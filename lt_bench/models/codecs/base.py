"""The interface of a codec, the registry of all codecs, and helpers that codecs share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lt_bench.errors import ConfigError
from lt_bench.registry import Registry
from lt_bench.scaling import LatentScaling


class Codec(ABC):
    """Converts frames to raw latents and back; frozen, and runs on the device of its input."""

    name: ClassVar[str]
    """The name that configurations use, without any path."""
    takes_path: ClassVar[bool] = False
    """Whether a configuration names it as ``name:PATH``."""
    encoder_assets: ClassVar[tuple[str, ...]] = ()
    """Pinned assets that encoding needs."""
    decoder_assets: ClassVar[tuple[str, ...]] = ()
    """Pinned assets that decoding needs."""

    @classmethod
    def build(cls, path: str) -> Self:
        """Build the codec; ``path`` follows the colon in a configuration and is empty unless ``takes_path``."""
        return cls()

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


_PRETRAINED = "lt_bench.models.codecs.diffusers_autoencoders"
CODECS = Registry(
    "codec",
    Codec,
    {
        "ae_rendered_f32": "lt_bench.models.codecs.ae_rendered:RenderedFacesCodec",
        "dc": f"{_PRETRAINED}:DcCodec",
        "dct": "lt_bench.models.codecs.dct:DctCodec",
        "kl": f"{_PRETRAINED}:KlCodec",
        "taef2": "lt_bench.models.codecs.taef2:Taef2Codec",
    },
)
"""Every codec by name."""
register_codec = CODECS.register


def build_codec(spec: str) -> Codec:
    """Build the codec that a configuration names, such as ``dct`` or ``kl:PATH``.

    PATH is a local folder in diffusers' layout, or the id of a repository on the Hugging Face hub; ``PATH@bf16``
    computes in bfloat16. Weights are read at first use, so building is cheap and the codec can be sent to worker
    processes.

    Raises:
        ConfigError: the name is unknown, or a path is missing or too many.
    """
    name, colon, path = spec.partition(":")
    kind = CODECS.get(name, "codec")
    if bool(colon) != kind.takes_path or bool(path) != kind.takes_path:
        raise ConfigError(f"codec: expected {name}{':PATH' if kind.takes_path else ''}, got '{spec}'")
    return kind.build(path)


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
