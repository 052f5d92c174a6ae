"""Lightning's tips and remarks, of which none is news to this project."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning_fabric")
# Each names something done on purpose: data loaded in the process itself, windows found by step instead of by a
# loader's state, a folder that holds the checkpoint a run goes on from; a block's outputs are views, which the next
# block's temporal attention, the first to read them, does not write to; and torch.compile asks tensors between compiled
# blocks for their gradients.
EXPECTED = (
    r".*does not have many workers.*",
    r".*You're resuming from a checkpoint that ended before the epoch ended.*",
    r"Checkpoint directory .* exists and is not empty.*",
    r".*GPU available but not used.*",
    r"FSDP2-wrapped module .* returned a view tensor.*",
    r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed.*",
    r".*isinstance\(treespec, LeafSpec\). is deprecated.*",  # Lightning 2.6 under PyTorch 2.14
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Within the block Lightning speaks only of what goes wrong."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in EXPECTED:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
