"""Settings in words, for full names."""

from __future__ import annotations


def every(stride: int) -> str:
    """A stride in words."""
    return "every frame" if stride == 1 else f"every {stride}. frame"
