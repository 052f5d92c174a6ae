"""The interface of a family of the backbone, and the registry of all families."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from lt_bench.models.layers import Attention
from lt_bench.registry import Registry

Grid = tuple[int, int]
"""Numbers of rows and columns of a latent's tokens."""


class Family:
    """Parts of a block that differ between families; temporal and cross-attention always use softmax."""

    name: ClassVar[str]
    """The name that ``ModelConfig.family`` uses."""
    feeds_stream: ClassVar[bool]
    """Whether a block's feed-forward includes symbiotic tokens, or only video tokens."""

    def attention(self, dim: int, heads: int) -> Attention:
        """Build the attention among the tokens of one frame.

        Raises:
            ConfigError: the size does not fit.
        """
        raise NotImplementedError

    def feed_forward(self, dim: int, grid: Grid | None) -> nn.Module:
        """Build a layer from (..., N, dim) to the same shape that treats each frame separately.

        Args:
            dim: features of a token.
            grid: grid of the N tokens; None if they have no spatial positions (audio tokens).
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
