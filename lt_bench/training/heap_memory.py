"""Keep memory that is freed: activations come back with every step, and the kernel's fresh pages have to be cleared.

glibc returns the top of its heap to the system once 64 MB of it are free, and takes it back in the next step. That cost
5 to 8% of a training step of preset S on a CPU. While it trains, the process keeps the most it ever had; what it does
afterwards has the memory back. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""
LARGEST_MMAP = 32 * 2**20
"""The most that glibc takes as a threshold for blocks of their own; in bytes. It gets there by itself, too, once
blocks of that size are freed."""
KEPT = 2**31 - 1
"""Bytes that stay free at the top of the heap; as much as an int holds."""


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Within the block, keep it; after it, give it back. The value is whether the C library has such a setting."""
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
