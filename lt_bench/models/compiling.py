"""Compilation of a network's blocks with ``torch.compile``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def compile_blocks(blocks: nn.ModuleList, dynamic: bool | None) -> None:
    """Compile each block's ``forward`` in place; compiled blocks are not compiled again.

    The instances are compiled, so that hooks (including FSDP's) run outside and parameter names do not change. A part
    that cannot be traced is an error, because running it uncompiled would be a silent fallback.

    Args:
        blocks: blocks of a ``LetsTalk``.
        dynamic: as in ``torch.compile``: False compiles each shape, None compiles the second shape for all others.
    """
    for block in blocks:
        if "forward" not in vars(block):
            block.forward = torch.compile(block.forward, dynamic=dynamic, fullgraph=True)


@contextmanager
def compiled_limits(blocks: int) -> Iterator[None]:
    """Make too many compiled variants an error, instead of a silent fallback to uncompiled code, within the context.

    Blocks of a kind share a variant. Generation needs nine variants: three kinds times a first number of clips, any
    other number, and one clip. If a fusion's ``guide`` receives the block's index, each block needs two, for training
    and validation. DDP's splitting of graphs at its buckets is off, because a block is smaller than a bucket.
    """
    import torch._dynamo.config as dynamo

    with dynamo.patch(recompile_limit=max(16, 2 * blocks), fail_on_recompile_limit_hit=True, optimize_ddp=False):
        yield
