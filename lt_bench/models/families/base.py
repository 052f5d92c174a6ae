"""The interface of a family of the backbone, and the registry of all families."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from lt_bench.models.layers import Attention
from lt_bench.registry import Registry

Grid = tuple[int, int]
"""Rows and columns of the tokens of a latent."""


class Family:
    """The parts of a block that differ between families; temporal and cross-attention are softmax in all of them."""

    name: ClassVar[str]
    """The name that ``ModelConfig.family`` uses."""
    feeds_stream: ClassVar[bool]
    """Whether a block's feed-forward acts on symbiotic tokens too, or on the video's alone."""

    def attention(self, dim: int, heads: int) -> Attention:
        """Attention among the tokens of one frame.

        Raises:
            ConfigError: the size does not fit.
        """
        raise NotImplementedError

    def feed_forward(self, dim: int, grid: Grid | None) -> nn.Module:
        """From (..., N, dim) to the same shape, each frame by itself.

        Args:
            dim: features of a token.
            grid: places of the N tokens; None where they have none (audio tokens).
        """
        raise NotImplementedError


FAMILIES = Registry(
    "family",
    Family,
    {
        "linear": "lt_bench.models.families.linear:LinearFamily",
        "softmax": "lt_bench.models.families.softmax:SoftmaxFamily",
    },
)
"""Every family of the backbone by name."""
register_family = FAMILIES.register
