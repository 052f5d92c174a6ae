"""Opening the latent cache that a verb needs: existing, prepared on demand, or prepared by another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lt_bench.cli.output import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.config import DataConfig
    from lt_bench.data.cache import LatentCache

POLL = 2.0
"""Seconds between two checks of a cache that another process is preparing."""


def existing_cache(config: DataConfig) -> LatentCache | None:
    """Return the complete cache of a configuration, without preparing anything.

    Raises:
        CacheError: the folder holds a cache of other settings.
    """
    from data_prep.pipeline import open_complete

    return open_complete(config)


def ensure_cache(config: DataConfig, workers: int | None = None, console: Console | None = None) -> LatentCache:
    """Open the cache of a configuration, after preparing its missing clips.

    Args:
        config: contents that the cache must have.
        workers: number of processes; one per CPU by default.
        console: console that shows progress; stderr by default.

    Raises:
        CacheError: the folder holds a cache of other settings, or no clip is usable.
    """
    from data_prep.pipeline import open_complete, prepare

    cache = open_complete(config)
    if cache is not None:
        return cache
    with progress_bar() as bar:
        task = bar.add_task(f"preparing {config.dataset}", total=None)
        done = prepare(config, workers, lambda now, total: bar.update(task, completed=now, total=total))
    for clip in done.rejected:
        (console or bar.console).print(f"rejected {clip.source}: {clip.reason}", markup=False, highlight=False)
    return done.cache


def wait_for_cache(config: DataConfig) -> LatentCache:
    """Wait for the cache of a configuration while another process of the same run prepares it."""
    from data_prep.pipeline import open_complete

    while (cache := open_complete(config)) is None:
        time.sleep(POLL)
    return cache
