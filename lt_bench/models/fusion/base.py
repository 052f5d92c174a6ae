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
    """What a fusion must fit."""

    modality: Modality
    depth: int
    """Places in the backbone where a condition enters: its blocks, or pairs of blocks where they alternate."""
    dim: int
    """Features of a video token."""
    heads: int
    tokens: int
    """Tokens of the condition in a frame."""
    token_dim: int
    """Features of a token of the condition."""
    embedded: bool
    """Whether the condition comes through the backbone's own patch embedder, so is in the space of video tokens."""
    family: Family = SOFTMAX
    """Of the backbone, for a scheme that runs a network of its own of the same kind."""
    grid: Grid | None = None
    """Places of the condition's tokens; None where they have none."""

    def to_backbone(self) -> nn.Module:
        """A layer from the condition's tokens to the space of video tokens; the identity where they are in it."""
        return nn.Identity() if self.embedded else linear(self.token_dim, self.dim)


class Fusion(nn.Module):
    """A scheme by which the tokens of one modality guide the video tokens.

    A scheme overrides ``encode`` and, where it acts on the video by itself, ``guide``. It can (1) own modules for each
    block, (2) give tokens that join the blocks' spatial attention and MLP (``FusedCondition.stream``), (3) give tokens
    that the video reads there without changing them (``FusedCondition.apart``), (4) act before a block's spatial
    attention (``guide``), (5) run a network of its own on the condition (in ``encode``).
    """

    name: ClassVar[str]
    """The name that configurations use."""

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        self.shape = shape

    def encode(self, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Everything that needs neither video nor timestep; run once a window in sampling.

        Args:
            tokens: the condition of each frame (G frames), or of all frames alike (G = 1).
        """
        raise NotImplementedError

    def guide(self, layer: int, video: Float[Tensor, "B F N D"], fused: FusedCondition) -> Float[Tensor, "B F N D"]:
        """The video tokens after this modality's guidance in block ``layer``; unchanged unless overridden."""
        for act, read in self.guides(layer, fused):
            video = act(video, read)
        return video

    def guides(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """Modules, and tensors that they read, that guide block ``layer``; none unless overridden.

        The alternative to ``guide`` for schemes of one module a block: ``torch.compile`` then compiles one variant for
        all blocks, where a ``guide`` that is given the block's number needs one for each.
        """
        return ()

    def calls(self, layer: int, fused: FusedCondition) -> tuple[Guide, ...]:
        """What block ``layer`` calls, whichever of ``guide`` and ``guides`` the scheme overrides."""
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
        ConfigError: no fusion has the name; the message lists those there are.
    """
    return FUSIONS.get(name, f"fusion.{shape.modality}")(shape)
