"""Scoring as tasks of a Ray cluster. Videos, and the store if it is to be of use, must be shared by its machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lt_bench.evaluation.results.result_file import Miss
from lt_bench.evaluation.running.clip_scorer import ClipScorer, ClipScores, Pair
from lt_bench.evaluation.running.scoring_job import Work
from lt_bench.ray_cluster import RETRIES, gpu_share, ray_cluster, run_tasks


def run_on_ray(work: Work, pairs: Sequence[Pair], workers: int) -> Iterator[ClipScores]:
    """Score pairs, at most ``workers`` at a time; on GPUs, where the cluster has any, each shared by as few as can be.

    Raises:
        LtBenchError: Ray is not installed or cannot be reached.
    """
    with ray_cluster(workers) as ray:
        task = ray.remote(num_cpus=1, num_gpus=gpu_share(ray, workers), max_retries=RETRIES)(_score)
        kept, here = ray.put(work), Path.cwd()
        yield from run_tasks(ray, lambda pair: task.remote(kept, here, pair), pairs, _lost, workers)


def _lost(pair: Pair, reason: str) -> ClipScores:
    return ClipScores(pair.entry.id, misses=(Miss(pair.entry.id, None, reason, fault="environment"),))


_SCORERS: dict[bytes, ClipScorer] = {}


def _score(work: Work, here: Path, pair: Pair) -> ClipScores:
    """Runs in a Ray worker, which is one process for many tasks and keeps its networks between them."""
    import pickle

    os.chdir(here)  # paths may be relative to where the command was typed
    key = pickle.dumps(work)
    if key not in _SCORERS:
        for old in _SCORERS.values():
            old.loader.tools.close()
        _SCORERS.clear()
        _SCORERS[key] = work.scorer()
    return _SCORERS[key](pair)
