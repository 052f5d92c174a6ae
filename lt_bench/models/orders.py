"""In which order a backbone's blocks attend in space and in time."""

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
        """Run both; see ``SpatialBlock``."""
        return self.temporal(self.spatial(tokens, time, guides, contexts), time)

    def advance(
        self, x: Float[Tensor, "B G N D"], time: Float[Tensor, "1 D"]
    ) -> tuple[Float[Tensor, "B G N D"], Tensor]:
        """See ``SpatialBlock``: such tokens have no part in time."""
        return self.spatial.advance(x, time)


class Order:
    """From a preset's depth to the modules that the conditions enter."""

    def places(self, depth: int) -> int:
        """How many modules there are.

        Raises:
            ConfigError: the depth does not fit.
        """
        raise NotImplementedError

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """One of them."""
        raise NotImplementedError


class Factorised(Order):
    """The released LetsTalk: every block attends in time, then in space."""

    def places(self, depth: int) -> int:
        """Every block."""
        return depth

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """A block."""
        return Block(shape, last)


class Alternating(Order):
    """Latte: every other block attends in space, the ones between in time; the conditions enter the spatial ones.

    A preset's depth counts both kinds.
    """

    def places(self, depth: int) -> int:
        """Every pair of blocks."""
        if depth % 2:
            raise ConfigError(f"model.order: expected a preset of even depth for 'alternating', got {depth} blocks")
        return depth // 2

    def build(self, shape: BlockShape, last: bool) -> nn.Module:
        """A pair."""
        return BlockPair(shape, last)


ORDERS: dict[str, Order] = {"factorised": Factorised(), "alternating": Alternating()}
"""By the name that ``ModelConfig.order`` has."""
