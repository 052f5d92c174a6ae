"""The cache that a verb works on: opened, prepared first where it is not there, or waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lt_bench.cli.output import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.config import DataConfig
    from lt_bench.data.cache import LatentCache

POLL = 2.0
"""Seconds between two looks at a cache that another process prepares."""


def existing_cache(config: DataConfig) -> LatentCache | None:
    """The cache of a configuration, where it is complete; nothing is prepared.

    Raises:
        CacheError: the folder holds a cache of other settings.
    """
    from data_prep.pipeline import open_complete

    return open_complete(config)


def ensure_cache(config: DataConfig, workers: int | None = None, console: Console | None = None) -> LatentCache:
    """Open the cache of a configuration; prepare it, or what is missing of it, first.

    Args:
        config: what the cache must hold.
        workers: processes; one a CPU by default.
        console: where progress is shown; stderr by default.

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
    """The cache of a configuration that another process of the same run is preparing."""
    from data_prep.pipeline import open_complete

    while (cache := open_complete(config)) is None:
        time.sleep(POLL)
    return cache
