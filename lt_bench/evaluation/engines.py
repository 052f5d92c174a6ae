"""Where clips are scored: in this process, in worker processes, or on a Ray cluster; the same function everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, cast

from lt_bench.errors import ConfigError, ResultError
from lt_bench.evaluation.clip import Tools
from lt_bench.evaluation.feature_store import SET_FEATURES, FeatureStore
from lt_bench.evaluation.loading import Loader
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.real_side import RealSide
from lt_bench.evaluation.scores.base import Score, build_score
from lt_bench.evaluation.scoring import ClipScorer, ClipScores, Pair
from lt_bench.plugins import load_plugins

Engine = Literal["local", "ray"]
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Work:
    """What a worker needs to start."""

    real: RealSide
    protocol: Protocol
    size: tuple[int, int]
    scores: tuple[str, ...]
    """Those of the protocol that can be computed here."""
    store: Path | None
    plugins: tuple[Path, ...]

    def scorer(self) -> ClipScorer:
        """Built where the work is done."""
        load_plugins(self.plugins)
        scores = [score for score in build_scores(self.protocol) if score.name in self.scores]
        tools = Tools(FeatureStore(self.store, shared=(self.real.folder / SET_FEATURES,)))
        return ClipScorer(Loader(self.real, self.protocol, self.size, tools), scores)


def build_scores(protocol: Protocol) -> list[Score]:
    """The scores that a protocol names, with its settings.

    Raises:
        ConfigError: an unknown score or setting.
    """
    return [build_score(s.name, s.settings, f"protocol {protocol.id}") for s in protocol.scores]


def run(work: Work, pairs: Sequence[Pair], workers: int = 1, engine: Engine = "local") -> Iterator[ClipScores]:
    """Score pairs, in any order.

    Args:
        work: how.
        pairs: what.
        workers: processes, or Ray actors.
        engine: ``ray`` starts or joins a Ray cluster whose machines see the same folders.

    Raises:
        ConfigError: Ray is asked for and not installed.
        ResultError: a worker process died.
    """
    if engine == "ray":
        return _on_ray(work, pairs, workers)
    if workers <= 1 or len(pairs) < 2:
        return _here(work, pairs)
    return _in_processes(work, pairs, min(workers, len(pairs)))


def _here(work: Work, pairs: Sequence[Pair]) -> Iterator[ClipScores]:
    scorer = work.scorer()
    try:
        yield from map(scorer, pairs)
    finally:
        scorer.loader.tools.close()


def _in_processes(work: Work, pairs: Sequence[Pair], workers: int) -> Iterator[ClipScores]:
    context = get_context("spawn")
    start = partial(_start_worker, work, context.Value("i", 0))
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=start) as pool:
            futures = [pool.submit(_score_in_worker, pair) for pair in pairs]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    except BrokenProcessPool:
        raise ResultError(
            f"{work.real.folder}: a worker process died, perhaps for want of memory; what it had finished is kept: "
            "try again with fewer --workers"
        ) from None


_SCORER: list[ClipScorer] = []


def _start_worker(work: Work, counter: Any) -> None:
    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    # Both before torch is imported, if it ever is. Workers run side by side: more threads than cores are far slower.
    os.environ["OMP_NUM_THREADS"] = "1"
    if gpus := visible_gpus():
        os.environ[GPU_VARIABLE] = gpus[number % len(gpus)]
    _SCORER[:] = [work.scorer()]


def visible_gpus() -> tuple[str, ...]:
    """The CUDA devices that this process may use, found without CUDA or torch."""
    chosen = os.environ.get(GPU_VARIABLE)
    if chosen is not None:
        return tuple(part.strip() for part in chosen.split(",") if part.strip())
    numbers = [path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")]
    return tuple(sorted(numbers, key=int))


def _score_in_worker(pair: Pair) -> ClipScores:
    return _SCORER[0](pair)


def _on_ray(work: Work, pairs: Sequence[Pair], workers: int) -> Iterator[ClipScores]:
    try:
        import ray
        from ray.util import ActorPool
    except ImportError:
        raise ConfigError("--engine ray: expected Ray, got none: pip install 'lt-bench[ray]'") from None
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False)
    try:
        gpus = ray.cluster_resources().get("GPU", 0)
        actor = ray.remote(num_cpus=1, num_gpus=min(1.0, gpus / workers) if gpus else 0)(_RayScorer)
        pool = ActorPool([actor.remote(work) for _ in range(min(workers, len(pairs)))])
        for found in pool.map_unordered(lambda member, pair: member.score.remote(pair), list(pairs)):
            yield cast(ClipScores, found)
    finally:
        if started:
            ray.shutdown()


class _RayScorer:
    """An actor; Ray itself shows each the GPUs that are its own."""

    def __init__(self, work: Work) -> None:
        self._scorer = work.scorer()

    def score(self, pair: Pair) -> ClipScores:
        """Score one pair."""
        return self._scorer(pair)
