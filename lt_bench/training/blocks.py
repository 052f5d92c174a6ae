"""Compilation and activation checkpointing of a network's blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from lt_bench.config import TrainConfig
from lt_bench.models.compiling import compile_blocks


def prepare_blocks(blocks: nn.ModuleList, config: TrainConfig) -> None:
    """Compile blocks and checkpoint their activations in place, as configured; parameter names are kept.

    The checkpoint calls the compiled code. In the other order, compilation would silently skip the block.
    """
    if config.compile is True:
        compile_blocks(blocks, dynamic=False)
    if config.activation_checkpointing:
        for block in blocks:
            forward: Callable[..., Any] = block.forward
            block.forward = partial(checkpoint, forward, use_reentrant=False, preserve_rng_state=False)
