"""Keep memory that is freed: activations come back with every step, and the kernel's fresh pages have to be cleared.

glibc returns the top of its heap to the system once 64 MB of it are free, and takes it back in the next step. That cost
5 to 8% of a training step of preset S on a CPU. The process then keeps the most it ever had, which training needs
again anyway. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""
LARGEST_MMAP = 32 * 2**20
"""The most that glibc takes as a threshold for blocks of their own; in bytes."""
KEPT = 2**31 - 1
"""Bytes that stay free at the top of the heap; as much as an int holds."""


def keep_freed_memory() -> bool:
    """Set it for this process; whether there is such a setting."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return bool(mallopt(TRIM_THRESHOLD, KEPT) and mallopt(MMAP_THRESHOLD, LARGEST_MMAP))
