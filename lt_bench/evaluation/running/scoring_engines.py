"""Where clips are scored: in this process, in worker processes, or on a Ray cluster; the same function everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.util import Finalize
from typing import Literal

from lt_bench.devices import visible_gpus
from lt_bench.errors import ResultError
from lt_bench.evaluation.running.clip_scorer import ClipScorer, ClipScores, Pair
from lt_bench.evaluation.running.scoring_job import Work
from lt_bench.process_pool import run_in_processes

Engine = Literal["local", "ray"]


def run(
    work: Work, pairs: Sequence[Pair], workers: int = 1, engine: Engine = "local", devices: Sequence[str] = ()
) -> Iterator[ClipScores]:
    """Score pairs, in any order.

    Args:
        work: how.
        pairs: what.
        workers: processes, or Ray tasks side by side.
        engine: ``ray`` starts or joins a Ray cluster whose machines see the same folders.
        devices: of the processes, in turn; none for all GPUs. At least one process is started for each.

    Raises:
        ResultError: a worker process died.
        LtBenchError: Ray is asked for and not installed, or cannot be reached.
    """
    if engine == "ray":
        from lt_bench.evaluation.running.ray_scoring import run_on_ray

        return run_on_ray(work, pairs, workers)
    if not devices and (workers <= 1 or len(pairs) < 2):
        return _here(work, pairs)
    return _in_processes(work, pairs, min(max(workers, len(devices)), max(1, len(pairs))), devices or visible_gpus())


def _here(work: Work, pairs: Sequence[Pair]) -> Iterator[ClipScores]:
    scorer = work.scorer()
    try:
        yield from map(scorer, pairs)
    finally:
        scorer.loader.tools.close()


def _in_processes(work: Work, pairs: Sequence[Pair], workers: int, devices: Sequence[str]) -> Iterator[ClipScores]:
    try:
        yield from run_in_processes(_score_in_worker, pairs, partial(_start_worker, work), workers, devices)
    except BrokenProcessPool:
        raise ResultError(
            f"{work.reference.folder}: a worker process died, perhaps out of memory; finished clips are kept: "
            "try again with fewer --workers"
        ) from None


_SCORER: list[ClipScorer] = []


def _start_worker(work: Work) -> None:
    # Before torch is imported, if it ever is. Workers run side by side: more threads than cores are far slower.
    os.environ["OMP_NUM_THREADS"] = "1"
    scorer = work.scorer()
    _SCORER[:] = [scorer]
    # Before the process's threads end, without which MediaPipe cannot free its network.
    Finalize(None, scorer.loader.tools.close, exitpriority=1)


def _score_in_worker(pair: Pair) -> ClipScores:
    return _SCORER[0](pair)
