"""The last stage: every byte of a fresh cache is read once more."""

from __future__ import annotations

from collections.abc import Callable

from data_prep.completion import VERIFIED_FILE, read_note
from lt_bench.data.cache import LatentCache
from lt_bench.data.verify import verify_cache
from lt_bench.files import write_json


def is_verified(cache: LatentCache) -> bool:
    """Whether this content of the cache was read and found whole after it was written."""
    return read_note(cache.path).get("hash") == cache.hash


def verify_once(cache: LatentCache, progress: Callable[[int, int], None] | None = None) -> str | None:
    """Verify a cache that was not verified yet, and remember that it is sound.

    Returns:
        The first damage; None for a sound cache. ``lt-bench cache verify`` reads it anew at any time.
    """
    if is_verified(cache):
        return None
    damage = verify_cache(cache.path, progress).damage
    if damage is None:
        write_json(cache.path / VERIFIED_FILE, {"hash": cache.hash})
    return damage
