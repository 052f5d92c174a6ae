"""Where clips are scored: in this process, in worker processes, or on a Ray cluster; the same function everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Literal

from lt_bench.children import deaf_to_interrupts, end_with_parent
from lt_bench.errors import ResultError
from lt_bench.evaluation.running.clip_scorer import ClipScorer, ClipScores, Pair
from lt_bench.evaluation.running.scoring_job import Work

Engine = Literal["local", "ray"]
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"


def run(work: Work, pairs: Sequence[Pair], workers: int = 1, engine: Engine = "local") -> Iterator[ClipScores]:
    """Score pairs, in any order.

    Args:
        work: how.
        pairs: what.
        workers: processes, or Ray tasks side by side.
        engine: ``ray`` starts or joins a Ray cluster whose machines see the same folders.

    Raises:
        ResultError: a worker process died.
        LtBenchError: Ray is asked for and not installed, or cannot be reached.
    """
    if engine == "ray":
        from lt_bench.evaluation.running.ray_scoring import run_on_ray

        return run_on_ray(work, pairs, workers)
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
            with deaf_to_interrupts():  # its processes start here
                futures = [pool.submit(_score_in_worker, pair) for pair in pairs]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except (KeyboardInterrupt, GeneratorExit):  # at once: files appear whole or not at all
                for child in active_children():
                    child.terminate()
                raise
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    except BrokenProcessPool:
        raise ResultError(
            f"{work.reference.folder}: a worker process died, perhaps out of memory; finished clips are kept: "
            "try again with fewer --workers"
        ) from None


_SCORER: list[ClipScorer] = []


def _start_worker(work: Work, counter: Any) -> None:
    end_with_parent()
    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    # Both before torch is imported, if it ever is. Workers run side by side: more threads than cores are far slower.
    os.environ["OMP_NUM_THREADS"] = "1"
    if gpus := visible_gpus():
        os.environ[GPU_VARIABLE] = gpus[number % len(gpus)]
    scorer = work.scorer()
    _SCORER[:] = [scorer]
    # Before the process's threads end, without which MediaPipe cannot free its network.
    Finalize(None, scorer.loader.tools.close, exitpriority=1)


def visible_gpus() -> tuple[str, ...]:
    """The CUDA devices that this process may use, found without CUDA or torch."""
    chosen = os.environ.get(GPU_VARIABLE)
    if chosen is not None:
        return tuple(part.strip() for part in chosen.split(",") if part.strip())
    # CUDA counts the devices that are there from 0: a container may hold /dev/nvidia4 alone, which is its device 0.
    return tuple(map(str, range(len(list(Path("/dev").glob("nvidia[0-9]*"))))))


def _score_in_worker(pair: Pair) -> ClipScores:
    return _SCORER[0](pair)
