"""Siamese (intermediate) fusion: a twin transformer processes the condition and guides the backbone layer by layer."""

from __future__ import annotations

from torch import Tensor, nn

from lt_bench.models.conditions import FusedCondition, Guide
from lt_bench.models.fusion.base import Fusion, FusionShape
from lt_bench.models.layers import CrossAttentions, normalise
from lt_bench.shapes import Float


class TwinBlock(nn.Module):
    """Attention within a frame's condition and feed-forward, of the backbone's family and size, without a timestep."""

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.dim)
        self.attention = shape.family.attention(shape.dim, shape.heads)
        self.norm2 = nn.LayerNorm(shape.dim)
        self.mlp = shape.family.feed_forward(shape.dim, shape.grid)

    def forward(self, x: Float[Tensor, "S N D"]) -> Float[Tensor, "S N D"]:
        """Apply one layer of the twin."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class SiameseFusion(Fusion):
    """A twin with the depth and width of the backbone; its layer l guides block l.

    The paper draws the twin with attention and feed-forward, and its features entering each block between temporal and
    spatial attention. It does not name the operation. This class uses the cross-attention of direct fusion, so the two
    schemes differ only in how deeply the condition is processed before the video attends to it. The condition is clean,
    so the twin sees no timestep and no video, and runs once per window (for the portrait, once for all frames).
    """

    name = "siamese"

    def __init__(self, shape: FusionShape) -> None:
        super().__init__(shape)
        self.project = shape.to_backbone()
        self.twin = nn.ModuleList(TwinBlock(shape) for _ in range(shape.depth))
        self.attention = CrossAttentions(shape.depth, shape.dim, shape.heads, shape.dim)

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Run the twin, and compute keys and values for every block from its layer."""
        groups = tokens.shape[:2]
        x = self.project(tokens).flatten(0, 1)
        layers = []
        for layer, block in enumerate(self.twin):
            x = block(x)
            layers.append(self.attention.keys_values(layer, normalise(x).unflatten(0, groups)))
        return FusedCondition(layers=tuple(layers))

    def guides(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """Return the block's cross-attention to the twin's layer."""
        return ((self.attention.of(layer).guide, fused.layers[layer]),)
