"""Symbiotic (deep) fusion: the condition's tokens join the video's, and self-attention fuses them in every block."""

from __future__ import annotations

from torch import Tensor

from lt_bench.models.conditions import FusedCondition
from lt_bench.models.fusion.base import Fusion, FusionShape
from lt_bench.shapes import Float


class SymbioticFusion(Fusion):
    """The condition's tokens are concatenated with each frame's video tokens before the first block.

    They share the blocks' spatial attention and MLP, change from block to block, and do not take part in temporal
    attention. The portrait needs no weights; audio tokens are first projected to the size of video tokens.
    """

    name = "symbiotic"

    def __init__(self, shape: FusionShape) -> None:
        super().__init__(shape)
        self.project = shape.to_backbone()

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Return the tokens that join the video."""
        return FusedCondition(stream=self.project(tokens))
