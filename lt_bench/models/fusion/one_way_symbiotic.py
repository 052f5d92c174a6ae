"""One-way symbiotic fusion: the video attends to the condition's tokens in every block, but not the reverse."""

from __future__ import annotations

from torch import Tensor

from lt_bench.models.conditions import FusedCondition
from lt_bench.models.fusion.base import Fusion, FusionShape
from lt_bench.shapes import Float


class OneWaySymbioticFusion(Fusion):
    """Symbiotic fusion without attention from the condition to the video; not in the paper.

    The condition's tokens pass through the backbone's spatial attention and MLP. They attend only to themselves and are
    modulated as at timestep 0, because they are clean. They therefore depend on neither the video nor the timestep. The
    tokens of a portrait are computed once per clip, for all frames and denoising steps; symbiotic fusion recomputes
    them each time. The video attends to its own tokens and to the condition's, as in symbiotic fusion, with the same
    number of weights.
    """

    name = "one_way_symbiotic"

    def __init__(self, shape: FusionShape) -> None:
        super().__init__(shape)
        self.project = shape.to_backbone()

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Return the tokens that the video attends to."""
        return FusedCondition(apart=self.project(tokens))
