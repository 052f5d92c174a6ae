"""The interface of a fusion, by which one modality enters the backbone, and the registry of all fusions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from torch import Tensor, nn

from lt_bench.models.conditions import FusedCondition, Guide
from lt_bench.models.families import SOFTMAX, Family, Grid
from lt_bench.models.layers import linear
from lt_bench.registry import Registry
from lt_bench.shapes import Float

Modality = Literal["portrait", "audio"]


@dataclass(frozen=True)
class FusionShape:
    """Shapes that a fusion scheme must fit."""

    modality: Modality
    depth: int
    """Number of modules in the backbone that a condition enters: blocks, or pairs of blocks if they alternate."""
    dim: int
    """Number of features of a video token."""
    heads: int
    tokens: int
    """Number of condition tokens per frame."""
    token_dim: int
    """Number of features of a condition token."""
    embedded: bool
    """Whether the backbone's patch embedder embeds the condition, so that it is in the space of video tokens."""
    family: Family = SOFTMAX
    """Family of the backbone, for a scheme that runs a network of the same kind."""
    grid: Grid | None = None
    """Grid of the condition's tokens; None if they have no spatial positions."""

    def to_backbone(self) -> nn.Module:
        """Return a layer from the condition's tokens to the space of video tokens, or the identity."""
        return nn.Identity() if self.embedded else linear(self.token_dim, self.dim)


class Fusion(nn.Module):
    """A scheme by which the tokens of one modality guide the video tokens.

    A scheme overrides ``encode`` and, if it modifies the video directly, ``guide``. It can (1) own modules for each
    block, (2) add tokens that join the blocks' spatial attention and MLP (``FusedCondition.stream``), (3) add tokens
    that the video attends to without changing them (``FusedCondition.apart``), (4) act before a block's spatial
    attention (``guide``), (5) run its own network on the condition (in ``encode``).
    """

    name: ClassVar[str]
    """The name that configurations use."""

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        self.shape = shape

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Compute everything that needs neither video nor timestep; called once per window in sampling.

        Args:
            tokens: condition of each frame (G frames), or shared by all frames (G = 1).
        """
        raise NotImplementedError

    def guide(self, layer: int, video: Float[Tensor, "B F N D"], fused: FusedCondition) -> Float[Tensor, "B F N D"]:
        """Return the video tokens after this modality's guidance in block ``layer``; unchanged by default."""
        for act, read in self.guides(layer, fused):
            video = act(video, read)
        return video

    def guides(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """Return modules that guide block ``layer``, with the tensors that they read; none by default.

        This is the alternative to ``guide`` for schemes with one module per block. ``torch.compile`` then compiles one
        variant for all blocks, while a ``guide`` that receives the block's index needs one variant per block.
        """
        return ()

    def calls(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """Return the guides that block ``layer`` calls, from either ``guide`` or ``guides``."""
        if type(self).guide is Fusion.guide:
            return self.guides(layer, fused)
        return ((partial(self.guide, layer), fused),)


FUSIONS = Registry(
    "fusion",
    Fusion,
    {
        "direct": "lt_bench.models.fusion.direct:DirectFusion",
        "one_way_symbiotic": "lt_bench.models.fusion.one_way_symbiotic:OneWaySymbioticFusion",
        "siamese": "lt_bench.models.fusion.siamese:SiameseFusion",
        "symbiotic": "lt_bench.models.fusion.symbiotic:SymbioticFusion",
    },
)
"""Every fusion scheme by name."""
register_fusion = FUSIONS.register


def build_fusion(name: str, shape: FusionShape) -> Fusion:
    """Build a fusion by its registered name.

    Raises:
        ConfigError: no scheme has the name; the message lists the known names.
    """
    return FUSIONS.get(name, f"fusion.{shape.modality}")(shape)
