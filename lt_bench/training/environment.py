"""The process that training runs in: memory that glibc keeps, and messages of Lightning that are silenced.

Activations come back with every step, and fresh pages have to be cleared by the kernel. glibc returns the top of its
heap to the system once 64 MB of it are free and takes it back in the next step, which cost 5 to 8% of a training step
of preset S on a CPU. While it trains, the process keeps the most memory it ever had. Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""
LARGEST_MMAP = 32 * 2**20
"""The most that glibc takes as a threshold for blocks of their own; in bytes. It gets there by itself, too, once
blocks of that size are freed."""
KEPT = 2**31 - 1
"""Bytes that stay free at the top of the heap, the maximum of an int."""

LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning_fabric")
# Each names something done on purpose: data loaded in the process itself, windows found by step instead of by a
# loader's state, a folder that holds the checkpoint a run resumes from, or a copy of such a folder; a block's outputs
# are views, which the next block's temporal attention, the first to read them, does not write to; and torch.compile
# asks tensors between compiled blocks for their gradients.
EXPECTED = (
    r".*does not have many workers.*",
    r".*You're resuming from a checkpoint that ended before the epoch ended.*",
    r"Checkpoint directory .* exists and is not empty.*",
    r"The dirpath has changed from .*",
    r".*GPU available but not used.*",
    r"FSDP2-wrapped module .* returned a view tensor.*",
    r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed.*",
    r".*isinstance\(treespec, LeafSpec\). is deprecated.*",  # Lightning 2.6 under PyTorch 2.14
)


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Keep freed memory within the block and return it afterwards; yields whether the C library has such a setting."""
    try:
        libc = ctypes.CDLL(None)
        mallopt, trim = libc.mallopt, libc.malloc_trim
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        yield False
        return
    kept = bool(mallopt(TRIM_THRESHOLD, KEPT) and mallopt(MMAP_THRESHOLD, LARGEST_MMAP))
    try:
        yield kept
    finally:
        mallopt(TRIM_THRESHOLD, 2 * LARGEST_MMAP)  # as glibc has it once its other threshold has grown
        trim(0)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Let Lightning report only problems within the block."""
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
