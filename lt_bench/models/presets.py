"""Presets of the backbone's size: depth, width and heads."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.config import ModelConfig


@dataclass(frozen=True)
class Size:
    """Number of blocks, features of a token, and attention heads."""

    depth: int
    dim: int
    heads: int


PRESETS: dict[str, Size] = {
    "micro": Size(depth=3, dim=96, heads=4),
    "tiny": Size(depth=4, dim=160, heads=4),
    "mini": Size(depth=6, dim=256, heads=8),
    "S": Size(depth=12, dim=384, heads=6),
    "B": Size(depth=12, dim=768, heads=12),
    "L": Size(depth=24, dim=1024, heads=16),
    "XL": Size(depth=28, dim=1152, heads=16),
}
"""S to XL are those of LetsTalk (and DiT); ``micro``, ``tiny`` and ``mini`` train on one CPU core in minutes."""


def size_of(config: ModelConfig) -> Size:
    """Return the size of a config's preset."""
    return PRESETS[config.preset]
