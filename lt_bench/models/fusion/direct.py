"""Direct (shallow) fusion: each block has a cross-attention to the embedded condition."""

from __future__ import annotations

from torch import Tensor

from lt_bench.models.conditions import FusedCondition, Guide
from lt_bench.models.fusion.base import Fusion, FusionShape
from lt_bench.models.layers import CrossAttentions
from lt_bench.shapes import Float


class DirectFusion(Fusion):
    """One cross-attention per block: layer norm without weights, no bias on queries, keys and values, no gate."""

    name = "direct"

    def __init__(self, shape: FusionShape) -> None:
        super().__init__(shape)
        self.attention = CrossAttentions(shape.depth, shape.dim, shape.heads, shape.token_dim)

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Compute keys and values for every block."""
        return FusedCondition(
            layers=tuple(self.attention.keys_values(layer, tokens) for layer in range(self.shape.depth))
        )

    def guides(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """Return the block's cross-attention to the condition."""
        return ((self.attention.of(layer).guide, fused.layers[layer]),)
