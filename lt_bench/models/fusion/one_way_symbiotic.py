"""One-way symbiotic fusion: the video reads the condition's tokens in every block, and they never read the video."""

from __future__ import annotations

from torch import Tensor

from lt_bench.models.conditions import FusedCondition
from lt_bench.models.fusion.base import Fusion, FusionShape
from lt_bench.shapes import Float


class OneWaySymbioticFusion(Fusion):
    """Symbiotic fusion with the way from the video to the condition cut; not in the paper.

    The condition's tokens pass through the backbone's own spatial attention and MLP, attending to themselves alone and
    modulated as at timestep 0, for they are clean. So they depend on neither video nor timestep: a portrait's are
    computed once a clip, for all its frames and denoising steps, where symbiotic fusion computes them anew for each.
    The video attends to its own tokens and to theirs, as in symbiotic fusion, with the same number of weights.
    """

    name = "one_way_symbiotic"

    def __init__(self, shape: FusionShape) -> None:
        super().__init__(shape)
        self.project = shape.to_backbone()

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """The tokens that the video reads."""
        return FusedCondition(apart=self.project(tokens))
