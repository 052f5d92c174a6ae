"""Autoencoders of diffusers by local folder or hub id: the KL autoencoder of Stable Diffusion, and DC-AE."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from lt_bench.assets.pretrained import expect_class, folder_hash, one_line, pretrained_folder, read_config
from lt_bench.errors import AssetError
from lt_bench.files import sha256_json
from lt_bench.models.codecs.base import Codec, check_frames, check_raw, in_batches
from lt_bench.scaling import LatentScaling

BF16 = "@bf16"
"""Suffix of a path that selects computation in bfloat16."""


WIDTHS = ("block_out_channels", "encoder_block_out_channels", "decoder_block_out_channels")
"""Keys of a configuration: features of each level, the highest resolution first."""
LIVE = 10
"""Tensors of the highest resolution that are alive at once, at most."""
SHARE, MOST = 16, 32
"""Share of a GPU's memory for one forward pass, so that several processes can have one GPU; and most frames."""


def gpu_batch(layer: int, memory: int) -> int:
    """Return the frames per forward pass on a GPU, from its total memory, so that results are repeatable.

    Args:
        layer: bytes of a frame's features at the highest resolution.
        memory: bytes of the GPU.
    """
    return max(1, min(MOST, memory // SHARE // (LIVE * layer)))


class PretrainedCodec(Codec):
    """An autoencoder of diffusers; frozen, with weights read at first use.

    Frames with a side above ``tile`` pixels are encoded and decoded in overlapping tiles that are blended, which limits
    memory. Tiling slightly changes the numbers of a model that normalizes over the whole picture, so smaller frames are
    not tiled.

    Args:
        path: a local folder in diffusers' layout (``config.json``, ``diffusion_pytorch_model.safetensors``) or an id of
            the Hugging Face hub. With the suffix ``@bf16`` it computes in bfloat16, which is another codec with another
            hash. Frames and latents are always float32.
    """

    takes_path = True
    network_class: ClassVar[str]
    """Name of the class in diffusers, as in its ``config.json``."""
    batch: ClassVar[int] = 4
    """Frames a forward pass on the CPU, which bounds memory; on a GPU as many as ``gpu_batch`` says."""
    tile: ClassVar[int] = 512
    """Largest side of a frame or tile, in pixels."""

    def __init__(self, path: str) -> None:
        self.path = path.removesuffix(BF16)
        self.dtype = torch.bfloat16 if path.endswith(BF16) else torch.float32

    @classmethod
    def build(cls, path: str) -> Self:
        """Build the codec of a folder or hub id."""
        return cls(path)

    @property
    def channels(self) -> int:
        """Return the number of channels of a latent."""
        return int(self._config["latent_channels"])

    @property
    def scaling(self) -> LatentScaling:
        """Return ``scaling_factor`` and ``shift_factor`` of the configuration: latents = (raw - shift) * factor."""
        factor, shift = self._config["scaling_factor"], self._config.get("shift_factor")
        return LatentScaling((shift or 0.0,) * self.channels, (1 / factor,) * self.channels)

    @property
    def hash(self) -> str:
        """Return the hex SHA-256 over the weight files and the configuration."""
        parts = [self.name, self._weights_hash]
        return sha256_json(parts if self.dtype == torch.float32 else [*parts, str(self.dtype)])

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """Encode frames in [-1, 1] to raw latents.

        Raises:
            AssetError: the model does not exist, or the folder contains another one.
            ConfigError: the sides are not multiples of ``factor``.
        """
        check_frames(frames, self.factor)
        network = self._network.to(frames.device)
        return in_batches(lambda part: self._encode(network, part.to(self.dtype)).float(), frames, self._batch(frames))

    def decode(self, raw: Float[Tensor, "N C h w"]) -> Float[Tensor, "N 3 H W"]:
        """Decode raw latents to frames, not clamped.

        Raises:
            AssetError: the model does not exist, or the folder contains another one.
        """
        check_raw(raw, self.channels)
        network = self._network.to(raw.device)
        size = self._batch(raw, self.factor)
        return in_batches(lambda part: network.decode(part.to(self.dtype)).sample.float(), raw, size)

    def _batch(self, given: Tensor, factor: int = 1) -> int:
        """How many of these go through together; ``factor``: pixels of a frame's side per pixel of theirs."""
        if given.device.type != "cuda":
            return self.batch
        sides = (min(side * factor, self.tile) for side in given.shape[-2:])
        features = max(self._config[key][0] for key in WIDTHS if key in self._config)
        values = prod(sides) * features
        return gpu_batch(values * (2 if self.dtype == torch.bfloat16 else 4), torch.cuda.mem_get_info(given.device)[1])

    @staticmethod
    @abstractmethod
    def _encode(network: Any, frames: Tensor) -> Tensor: ...

    @abstractmethod
    def _set_tiles(self, network: Any) -> None: ...

    @cached_property
    def _folder(self) -> Path:
        key = f"codec {self.name}"
        folder = pretrained_folder(self.path, key)
        expect_class(folder, key, read_config(folder).get("_class_name"), self.network_class)
        return folder

    @cached_property
    def _config(self) -> dict[str, Any]:
        # The class supplies diffusers' defaults for keys that are missing in the file.
        return dict(self._build().config)

    @cached_property
    def _weights_hash(self) -> str:
        return folder_hash(self._folder)

    def _build(self) -> Any:
        import diffusers

        kind = getattr(diffusers, self.network_class)
        try:
            with torch.device("meta"):  # shapes only: no memory, no time
                return kind.from_config(kind.load_config(self._folder))
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            got = one_line(error)
            raise AssetError(
                f"codec {self.name}: expected a configuration of {self.network_class} in {self._folder}, got: {got}"
            ) from error

    @cached_property
    def _network(self) -> Any:
        import diffusers

        kind = getattr(diffusers, self.network_class)
        try:
            loaded: Any = kind.from_pretrained(self._folder, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            got = one_line(error)
            raise AssetError(
                f"codec {self.name}: expected a model that loads from {self._folder}, got: {got}"
            ) from error
        network, report = loaded
        if report["missing_keys"]:
            missing = sorted(report["missing_keys"])[0]
            raise AssetError(f"codec {self.name}: expected all weights in {self._folder}, got none for {missing}")
        self._set_tiles(network)
        return network.to(self.dtype).eval().requires_grad_(False)


class KlCodec(PretrainedCodec):
    """AutoencoderKL (Rombach et al., arXiv 2112.10752), such as ``stabilityai/sd-vae-ft-mse``.

    Encoding uses the mode of the posterior instead of a sample, so that a frame has exactly one latent.
    """

    name = "kl"
    network_class = "AutoencoderKL"

    @property
    def factor(self) -> int:
        """Return the pixels per latent pixel; every level except the last halves the sides."""
        return 2 ** (len(self._config["block_out_channels"]) - 1)

    @staticmethod
    def _encode(network: Any, frames: Tensor) -> Tensor:
        return network.encode(frames).latent_dist.mode()

    def _set_tiles(self, network: Any) -> None:
        network.enable_tiling()
        network.tile_sample_min_size = self.tile
        network.tile_latent_min_size = self.tile // self.factor


class DcCodec(PretrainedCodec):
    """AutoencoderDC, deep compression (Chen et al., arXiv 2410.10733), such as DC-AE f32c32; deterministic."""

    name = "dc"
    network_class = "AutoencoderDC"

    @property
    def factor(self) -> int:
        """Return the pixels per latent pixel, as diffusers counts it."""
        return int(self._build().spatial_compression_ratio)

    @staticmethod
    def _encode(network: Any, frames: Tensor) -> Tensor:
        return network.encode(frames).latent

    def _set_tiles(self, network: Any) -> None:
        # Adjacent tiles overlap by an eighth, as in diffusers' own setting.
        network.enable_tiling(self.tile, self.tile, self.tile * 7 // 8, self.tile * 7 // 8)
