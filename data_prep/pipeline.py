"""From a data configuration to a latent cache."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.clip import ClipPreparer, Prepared, Rejected, Settings
from data_prep.engines import Engine, run_jobs
from data_prep.jobs import Job, Source
from data_prep.sources import list_source
from lt_bench.config import DataConfig, parse_config, to_dict
from lt_bench.data.cache import LatentCache
from lt_bench.data.format import INDEX_FILE, REJECTED_FILE, CacheInfo, CodecInfo, SpeechInfo, difference
from lt_bench.data.real_set import RealClip, write_real_set
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import CacheError, ConfigError
from lt_bench.files import read_json
from lt_bench.models.codecs.base import build_codec
from lt_bench.perception.speech.base import build_speech_encoder

MAX_WORKERS = 8
Progress = Callable[[int, int], None]
"""Called with the clips done and the clips to do, at the start and after each clip."""


@dataclass(frozen=True)
class Preparation:
    """A complete cache, and what this run did for it."""

    cache: LatentCache
    prepared: int
    """Clips made by this run; the others were there."""
    rejected: tuple[Rejected, ...]
    """Clips that cannot be used, with the reason."""
    seconds: float
    """Wall time of this run."""


def default_workers() -> int:
    """The CPUs this process may use, at most eight: a worker with all its networks holds about half a gigabyte."""
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def describe_cache(config: DataConfig, source_hash: str) -> CacheInfo:
    """What ``cache.json`` of this configuration says.

    Raises:
        ConfigError: the resolution does not fit the codec, or a name is unknown.
        AssetError: weights are missing.
    """
    codec, speech = build_codec(config.codec), build_speech_encoder(config.speech_encoder)
    side, factor = config.resolution, codec.factor
    if side % factor or side % 2 or not 32 <= side <= 2048:
        raise ConfigError(
            f"resolution: expected an even multiple of {factor} (codec {codec.name}) from 32 to 2048, got {side}"
        )
    synthetic = config.dataset == "synthetic"
    return CacheInfo(
        dataset=config.dataset,
        codec=CodecInfo(codec.name, codec.hash, codec.channels, factor, codec.scaling.mean, codec.scaling.std),
        speech=SpeechInfo(speech.name, speech.hash, speech.layers, speech.dim),
        resolution=side,
        latent_shape=(codec.channels, side // factor, side // factor),
        landmark_set="synthetic" if synthetic else "mediapipe478",
        source_hash=source_hash,
        settings={"synthetic": to_dict(config.synthetic)} if synthetic else {},
    )


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
    problem = difference(cache.info, describe_cache(config, cache.info.source_hash))
    if problem:
        raise CacheError(f"{path}: holds a cache of other settings: {problem}")
    return cache


def prepare(
    config: DataConfig, workers: int | None = None, progress: Progress | None = None, engine: Engine = "local"
) -> Preparation:
    """Prepare the cache of a configuration, or what is missing of it.

    A killed run leaves whole clips behind; the same call goes on from there. The result does not depend on the number
    of workers or on interruptions, byte for byte.

    Raises:
        CacheError: the folder holds a cache of other settings, another process writes to it, or no clip is usable.
        LtBenchError: as ``list_source`` and ``describe_cache``, or the disk is full.
    """
    started = time.monotonic()
    source = list_source(config)
    info = describe_cache(config, source.hash)
    path = Path(config.cache)
    prepared = 0
    with CacheWriter(path, info) as writer:
        if not writer.complete:
            results = partial(run_jobs, workers=workers or default_workers(), engine=engine)
            prepared = _run(writer, source, config, results, progress)
            _finish_real_sets(writer, source)
            writer.finish()
    kept = tuple(parse_config(Rejected, item, str(path / REJECTED_FILE)) for item in read_json(path / REJECTED_FILE))
    return Preparation(LatentCache.open(path), prepared, kept, time.monotonic() - started)


def _run(
    writer: CacheWriter,
    source: Source,
    config: DataConfig,
    results: Callable[..., Iterator[Prepared | Rejected]],
    progress: Progress | None,
) -> int:
    settings = Settings(writer.path.resolve(), writer.info, config.codec, config.speech_encoder, source.exported)
    pending = [job for job in source.jobs if not writer.has(job.id)]
    done, prepared = len(source.jobs) - len(pending), 0
    if progress:
        progress(done, len(source.jobs))
    for result in results(pending, partial(ClipPreparer, settings), _lost):
        if isinstance(result, Prepared):
            writer.commit(result.record, result.extra)
            prepared += 1
        else:
            writer.reject(vars(result))
        done += 1
        if progress:
            progress(done, len(source.jobs))
    return prepared


def _lost(job: Job, reason: str) -> Rejected:
    return Rejected(job.id, job.source, reason)


def _finish_real_sets(writer: CacheWriter, source: Source) -> None:
    for split in source.exported:
        entries = [writer.extra(record.id)["real"] for record in writer.records if record.split == split]
        if entries:
            clips = [parse_config(RealClip, entry, f"{writer.path}: journal") for entry in entries]
            write_real_set(writer.path / "real" / split, source.dataset, split, writer.info.resolution, clips)
