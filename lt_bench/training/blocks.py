"""What a run does to the blocks of its network: activation checkpointing and compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from lt_bench.config import TrainConfig


def prepare_blocks(blocks: nn.ModuleList, config: TrainConfig) -> None:
    """Compile blocks and checkpoint their activations in place, as configured; names of parameters stay.

    On the instances, so that hooks (FSDP's among them) run outside. The checkpoint calls the compiled code: the other
    way round, compilation would silently skip the block.
    """
    for block in blocks:
        forward: Callable[..., Any] = block.forward
        if config.compile:
            forward = torch.compile(forward, dynamic=False, fullgraph=True)
        if config.activation_checkpointing:
            forward = partial(checkpoint, forward, use_reentrant=False, preserve_rng_state=False)
        block.forward = forward


@contextmanager
def compiled_limits(blocks: int) -> Iterator[None]:
    """Within the context, too many compiled variants are an error, not a silent fallback to uncompiled code.

    Blocks of a kind share a variant, unless a fusion's ``guide`` is given the block's number: then each has two, for
    training and validation. DDP's splitting of graphs at its buckets is off: a block is smaller than a bucket.
    """
    import torch._dynamo.config as dynamo

    with dynamo.patch(recompile_limit=max(8, 2 * blocks), fail_on_recompile_limit_hit=True, optimize_ddp=False):
        yield
