"""From a data configuration to a latent cache."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.datasets.jobs import Job, Source
from data_prep.datasets.registry import list_source
from data_prep.describe import describe_cache, require_assets
from data_prep.engines import Engine, run_jobs
from data_prep.finalize import drop_duplicates, remove_strays, write_real_sets
from data_prep.outcome import Done, Rejected, finished_jobs
from data_prep.resolved import ResolvedConfig, resolve_auto
from lt_bench.config import DataConfig, parse_config
from lt_bench.data.cache import LatentCache
from lt_bench.data.format import INDEX_FILE, OTHER_SETTINGS_REMEDY, REJECTED_FILE, difference
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import CacheError, MediaError
from lt_bench.files import read_json

MAX_WORKERS = 8
Progress = Callable[[int, int], None]
"""Called with the jobs done and the jobs to do, at the start and after each."""


@dataclass(frozen=True)
class Preparation:
    """A complete cache, and what this run did for it."""

    cache: LatentCache
    prepared: int
    """Clips made by this run that are kept; the others were there."""
    rejected: tuple[Rejected, ...]
    """Clips that cannot be used, with the reason."""
    seconds: float
    """Wall time of this run."""


def default_workers() -> int:
    """The CPUs this process may use, at most eight: a worker with all its networks holds about a gigabyte."""
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def open_complete(config: DataConfig) -> LatentCache | None:
    """The cache of a configuration if it is complete, else None.

    The sources are not looked at: a cache can be used where its videos are not.

    Raises:
        CacheError: the cache is damaged, or differs from the configuration (names the first difference).
    """
    path = Path(config.cache)
    if not (path / INDEX_FILE).is_file():
        return None
    cache = LatentCache.open(path)
    problem = difference(cache.info, describe_cache(resolve_auto(config), cache.info.source_hash))
    if problem:
        raise CacheError(f"{path}: holds a cache of other settings: {problem}; {OTHER_SETTINGS_REMEDY}")
    return cache


def prepare(
    config: DataConfig,
    workers: int | None = None,
    progress: Progress | None = None,
    engine: Engine = "local",
    devices: Sequence[str] = (),
) -> Preparation:
    """Prepare the cache of a configuration, or what is missing of it.

    A killed run leaves whole clips behind; the same call goes on from there. The result does not depend on the number
    of workers or on interruptions, byte for byte; latents and speech features that a GPU computes are those of the CPU
    up to rounding. ``devices`` are those of ``run_jobs``.

    Raises:
        CacheError: the folder holds a cache of other settings, another process writes to it, or no clip is usable.
        MediaError: no clip of the list has its video here; nothing is written.
        LtBenchError: as ``list_source`` and ``describe_cache``, or the disk is full.
    """
    started = time.monotonic()
    resolved = resolve_auto(config)
    source = list_source(config)
    if not source.jobs:
        listed = [clip for clip in source.missing if clip.rule in ("unavailable", "unlisted")]
        raise MediaError(
            f"{config.dataset}: expected at least one clip of the list with its video, got none of "
            f"{len(listed)}: {listed[0].id}: {listed[0].reason}"
        )
    path = Path(config.cache)
    if not (path / INDEX_FILE).is_file():
        require_assets(resolved)
    info = describe_cache(resolved, source.hash)
    prepared = 0
    with CacheWriter(path, info) as writer:
        if not writer.complete:
            results = partial(run_jobs, workers=workers or default_workers(), engine=engine, devices=devices)
            prepared = _run(writer, source, resolved, results, progress)
            if config.quality.duplicates == "reject":
                prepared -= drop_duplicates(writer)
            remove_strays(writer)
            write_real_sets(writer, source)
            writer.finish()
    kept = tuple(parse_config(Rejected, item, str(path / REJECTED_FILE)) for item in read_json(path / REJECTED_FILE))
    return Preparation(LatentCache.open(path), prepared, kept, time.monotonic() - started)


def _run(
    writer: CacheWriter,
    source: Source,
    config: ResolvedConfig,
    results: Callable[..., Iterator[Done]],
    progress: Progress | None,
) -> int:
    from data_prep.encoding.clip_worker import ClipPreparer, Settings  # heavy, and a finished cache needs none of it

    settings = Settings(
        writer.path.resolve(),
        writer.info,
        config.codec,
        config.speech_encoder,
        source.exported,
        config.crop,
        config.quality,
    )
    known = {clip["id"] for clip in writer.rejected}
    for clip in source.missing:
        if clip.id not in known:
            writer.reject(vars(clip))
    finished = finished_jobs([*(writer.extra(record.id) for record in writer.records), *writer.rejected])
    pending = [job for job in source.jobs if job.id not in finished]
    done, prepared = len(source.jobs) - len(pending), 0
    if progress:
        progress(done, len(source.jobs))
    for result in results(pending, partial(ClipPreparer, settings), _lost):
        for clip in result.prepared:
            writer.commit(clip.record, clip.extra)
        for clip in result.rejected:
            writer.reject(vars(clip))
        prepared += len(result.prepared)
        done += 1
        if progress:
            progress(done, len(source.jobs))
    return prepared


def _lost(job: Job, reason: str) -> Done:
    return Done.of(job.id, [Rejected(job.id, job.source, reason, "lost")])
