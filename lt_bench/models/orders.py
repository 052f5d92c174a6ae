"""Orders of spatial and temporal attention in a backbone's blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lt_bench.errors import ConfigError
from lt_bench.models.block import Block, BlockShape, SpatialBlock, TemporalBlock
from lt_bench.models.conditions import Guide
from lt_bench.models.tokens import WindowTokens
from lt_bench.shapes import Float


class BlockPair(nn.Module):
    """A spatial block, then a temporal block: Latte's alternation (Ma et al., arXiv 2401.03048, variant 1)."""

    def __init__(self, shape: BlockShape, last: bool = False) -> None:
        super().__init__()
        self.spatial = SpatialBlock(shape, last)
        self.temporal = TemporalBlock(shape)

    def forward(
        self, tokens: WindowTokens, time: Float[Tensor, "B D"], guides: Sequence[Guide], contexts: Sequence[Tensor] = ()
    ) -> WindowTokens:
        """Apply both blocks; see ``SpatialBlock``."""
        return self.temporal(self.spatial(tokens, time, guides, contexts), time)

    def advance(
        self, x: Float[Tensor, "B G N D"], time: Float[Tensor, "1 D"]
    ) -> tuple[Float[Tensor, "B G N D"], Tensor]:
        """Apply the spatial block only, because such tokens take no part in temporal attention."""
        return self.spatial.advance(x, time)


class Order:
    """Rule that divides a preset's depth into modules that the conditions enter."""

    def places(self, depth: int) -> int:
        """Return the number of modules.

        Raises:
            ConfigError: the depth does not fit.
        """
        raise NotImplementedError

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build one of the modules."""
        raise NotImplementedError


class Factorised(Order):
    """The released LetsTalk: every block attends in time, then in space."""

    def places(self, depth: int) -> int:
        """Return the number of blocks."""
        return depth

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build a factorised block."""
        return Block(shape, last)


class Alternating(Order):
    """Latte: blocks alternate between attention in space and in time; the conditions enter the spatial blocks.

    A preset's depth counts both kinds.
    """

    def places(self, depth: int) -> int:
        """Return the number of pairs of blocks."""
        if depth % 2:
            raise ConfigError(f"model.order: expected a preset of even depth for 'alternating', got {depth} blocks")
        return depth // 2

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build a pair of blocks."""
        return BlockPair(shape, last)


ORDERS: dict[str, Order] = {"factorised": Factorised(), "alternating": Alternating()}
"""Orders by their name in ``ModelConfig.order``."""
