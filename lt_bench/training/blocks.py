"""What a run does to the blocks of its network: activation checkpointing and compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from lt_bench.config import TrainConfig


def prepare_blocks(blocks: nn.ModuleList, config: TrainConfig) -> None:
    """Compile blocks and checkpoint their activations in place, as configured; names of parameters stay."""
    for block in blocks:
        if config.compile:
            # Without limit on variants: falling back to uncompiled code would be silent.
            block.compile(dynamic=False)
        if config.activation_checkpointing:
            _checkpoint_activations(block)


def _checkpoint_activations(block: nn.Module) -> None:
    # On the instance, so that hooks (FSDP's among them) run outside, and names of parameters stay as they are.
    forward: Callable[..., Any] = block.forward
    block.forward = partial(checkpoint, forward, use_reentrant=False, preserve_rng_state=False)


@contextmanager
def compiled_limits(blocks: int) -> Iterator[None]:
    """Within the block, a compiled function has a variant for each of so many blocks, and too many are an error."""
    import torch._dynamo.config as dynamo

    with dynamo.patch(recompile_limit=max(8, 2 * blocks), fail_on_recompile_limit_hit=True):
        yield
