"""``torch.compile`` of a network's blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def compile_blocks(blocks: nn.ModuleList, dynamic: bool | None) -> None:
    """Compile each block's ``forward`` in place; blocks that are compiled already stay as they are.

    On the instances, so that hooks (FSDP's among them) run outside, and names of parameters stay. A part that cannot be
    traced is an error: leaving it uncompiled would be silent.

    Args:
        blocks: of a ``LetsTalk``.
        dynamic: as in ``torch.compile``: False compiles each shape anew, None the second shape for all others.
    """
    for block in blocks:
        if "forward" not in vars(block):
            block.forward = torch.compile(block.forward, dynamic=dynamic, fullgraph=True)


@contextmanager
def compiled_limits(blocks: int) -> Iterator[None]:
    """Within the context, too many compiled variants are an error, not a silent fallback to uncompiled code.

    Blocks of a kind share a variant, of which generation needs nine (three kinds; a first number of clips, any other,
    and one clip), unless a fusion's ``guide`` is given the block's number: then each block has two, for training and
    validation. DDP's splitting of graphs at its buckets is off: a block is smaller than a bucket.
    """
    import torch._dynamo.config as dynamo

    with dynamo.patch(recompile_limit=max(16, 2 * blocks), fail_on_recompile_limit_hit=True, optimize_ddp=False):
        yield
