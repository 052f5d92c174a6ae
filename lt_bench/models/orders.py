"""The order in which a backbone's blocks attend in space and in time, and the registry of all orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from lt_bench.errors import ConfigError
from lt_bench.models.block import Block, BlockShape, SpatialBlock, TemporalBlock
from lt_bench.models.conditions import Guide
from lt_bench.models.tokens import WindowTokens
from lt_bench.registry import Registry
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


class BlockOrder:
    """From a preset's depth to the modules that the conditions enter."""

    name: ClassVar[str]
    """The name that ``ModelConfig.order`` uses."""

    def places(self, depth: int) -> int:
        """Return the number of modules.

        Raises:
            ConfigError: the depth does not fit.
        """
        raise NotImplementedError

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build one of the modules."""
        raise NotImplementedError


class Factorised(BlockOrder):
    """The released LetsTalk: every block attends in time, then in space."""

    name = "factorised"

    def places(self, depth: int) -> int:
        """Return the number of blocks."""
        return depth

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build a factorised block."""
        return Block(shape, last)


class Alternating(BlockOrder):
    """Latte: every other block attends in space, the ones between in time; the conditions enter the spatial ones.

    A preset's depth counts both kinds.
    """

    name = "alternating"

    def places(self, depth: int) -> int:
        """Return the number of pairs of blocks."""
        if depth % 2:
            raise ConfigError(f"model.order: expected a preset of even depth for 'alternating', got {depth} blocks")
        return depth // 2

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """Build a pair of blocks."""
        return BlockPair(shape, last)


BLOCK_ORDERS = Registry(
    "block order",
    BlockOrder,
    {"alternating": f"{__name__}:Alternating", "factorised": f"{__name__}:Factorised"},
)
"""Every block order by name."""
register_block_order = BLOCK_ORDERS.register
