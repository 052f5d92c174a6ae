"""Noise that depends only on the seed and the clip, so a video does not depend on the other videos of its batch."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from lt_bench.config import SamplingConfig
from lt_bench.shapes import Float


def clip_generator(seed: int, clip: str) -> torch.Generator:
    """Create a CPU generator for all noise of one clip; another clip or seed gives independent numbers."""
    digest = hashlib.sha256(f"{seed}\0{clip}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class WindowNoise:
    """Noise of one clip: the initial noise of each window, and the generator for the noise that samplers add."""

    def __init__(self, sampling: SamplingConfig, clip: str, shape: tuple[int, ...]) -> None:
        """Set up the noise of a clip.

        Args:
            sampling: seed, and whether windows share their initial noise.
            clip: id of the clip.
            shape: shape of a window's latents.
        """
        self.generator = clip_generator(sampling.seed, clip)
        self._shape = shape
        self._shared = torch.randn(shape, generator=self.generator) if sampling.window_noise == "shared" else None

    def first(self) -> Float[Tensor, "F C H W"]:
        """Return the unit-variance noise that the next window starts from."""
        return torch.randn(self._shape, generator=self.generator) if self._shared is None else self._shared
