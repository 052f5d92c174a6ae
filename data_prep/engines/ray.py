"""Ray: the same function as tasks of a cluster. The cache's folder and the sources must be shared by its machines.

The calling process alone writes to the journal and the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data_prep.engines import Job, Result, Worker
from lt_bench.devices import CPU, use_device
from lt_bench.ray_cluster import RETRIES, gpu_share, ray_cluster, run_tasks


def run_on_ray(
    jobs: Sequence[Job],
    make: Callable[[], Worker[Job, Result]],
    lost: Callable[[Job, str], Result],
    workers: int,
    gpus: bool = True,
) -> Iterator[Result]:
    """Do the jobs as Ray tasks, at most ``workers`` at a time; see ``run_jobs``.

    On GPUs, where the cluster has any, each shared by as few as can be; with ``gpus`` False on CPUs.

    Raises:
        LtBenchError: Ray is not installed or cannot be reached, or as ``run_jobs``.
    """
    with ray_cluster(workers) as ray:
        share = gpu_share(ray, workers) if gpus else 0.0
        task = ray.remote(num_cpus=1, num_gpus=share, max_retries=RETRIES)(_prepare)
        made, device = ray.put(make), None if share else CPU
        yield from run_tasks(ray, lambda job: task.remote(made, job, device), jobs, lost, workers)


def _prepare(make: Callable[[], Worker[Any, Any]], job: Any, device: str | None) -> Any:
    """Runs in a Ray worker, which is one process for many tasks and keeps its networks between them."""
    from data_prep.engines.threads import one_thread, start_with_one_thread

    if device is not None:  # else Ray has named the GPU
        use_device(device)
    start_with_one_thread()
    with one_thread():
        return _worker(make).prepare(job)


_WORKERS: dict[bytes, Worker[Any, Any]] = {}


def _worker(make: Callable[[], Worker[Any, Any]]) -> Worker[Any, Any]:
    import pickle

    key = pickle.dumps(make)
    if key not in _WORKERS:
        for old in _WORKERS.values():
            old.close()
        _WORKERS.clear()
        _WORKERS[key] = make()
    return _WORKERS[key]
