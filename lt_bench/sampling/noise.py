"""Noise that depends on the seed and the clip alone, so a video is the same whatever it is generated beside."""

from __future__ import annotations

import hashlib

import torch


def clip_generator(seed: int, clip: str) -> torch.Generator:
    """A generator on the CPU for all noise of one clip; another clip or seed gives unrelated numbers."""
    digest = hashlib.sha256(f"{seed}\0{clip}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
