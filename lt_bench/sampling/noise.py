"""Noise that depends on the seed and the clip alone, so a video is the same whatever it is generated beside."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from lt_bench.config import SamplingConfig
from lt_bench.shapes import Float


def clip_generator(seed: int, clip: str) -> torch.Generator:
    """A generator on the CPU for all noise of one clip; another clip or seed gives unrelated numbers."""
    digest = hashlib.sha256(f"{seed}\0{clip}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class WindowNoise:
    """The noise of one clip: the first of each of its windows, and the generator for what samplers add."""

    def __init__(self, sampling: SamplingConfig, clip: str, shape: tuple[int, ...]) -> None:
        """Set up.

        Args:
            sampling: the seed, and whether windows share their first noise.
            clip: id of the clip.
            shape: of a window's latents.
        """
        self.generator = clip_generator(sampling.seed, clip)
        self._shape = shape
        self._shared = torch.randn(shape, generator=self.generator) if sampling.window_noise == "shared" else None

    def first(self) -> Float[Tensor, "F C H W"]:
        """Return the unit-variance noise that the next window starts from."""
        return torch.randn(self._shape, generator=self.generator) if self._shared is None else self._shared
