"""Gaussian data, whose best predictions have a closed form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

Pair = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="session")
def gaussian() -> Callable[..., Pair]:
    """Draws clean latents of mean 0.7 and deviation 0.5, and noise, in float64."""

    def draw(count: int, seed: int = 0, std: float = 0.5, channels: int = 1, frames: int = 1) -> Pair:
        generator = torch.Generator().manual_seed(seed)
        shape = (count, frames, channels, 4, 4)
        x0 = 0.7 + std * torch.randn(shape, generator=generator, dtype=torch.float64)
        return x0, torch.randn(shape, generator=generator, dtype=torch.float64)

    return draw
