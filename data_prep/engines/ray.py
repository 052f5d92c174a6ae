"""Ray: the same function as tasks of a cluster. The cache's folder and the sources must be shared by its machines.

``RAY_ADDRESS`` names the cluster; without it Ray starts one on this machine, on the loopback interface. The calling
process alone writes to the journal and the index.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep.engines import Job, Result, Worker
from lt_bench.errors import LtBenchError

RETRIES = 3
"""Tries after the first of a job whose process or machine is lost."""
AHEAD = 2
"""Jobs submitted for each CPU of the cluster; more would only fill the driver's memory."""
PASSED_ON = ("LT_BENCH_", "OMP_", "PYTHONPATH")
"""Beginnings of the environment variables that workers get from this process."""


def run_on_ray(
    jobs: Sequence[Job],
    make: Callable[[], Worker[Job, Result]],
    lost: Callable[[Job, str], Result],
    workers: int,
) -> Iterator[Result]:
    """Do the jobs as Ray tasks, at most ``workers`` at a time; see ``run_jobs``.

    Raises:
        LtBenchError: Ray is not installed or cannot be reached, or as ``run_jobs``.
    """
    ray = _ray()
    started = _connect(ray, workers)
    try:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(_prepare)
        yield from _collect(ray, task, jobs, ray.put(make), lost, workers)
    finally:
        if started:
            ray.shutdown()


def _collect(
    ray: Any,
    task: Any,
    jobs: Sequence[Job],
    make: Any,
    lost: Callable[[Job, str], Result],
    workers: int,
) -> Iterator[Result]:
    left, running = list(reversed(jobs)), {}
    while left or running:
        while left and len(running) < AHEAD * workers:
            job = left.pop()
            running[task.remote(make, job)] = job
        for done in ray.wait(list(running))[0]:
            job = running.pop(done)
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except ray.exceptions.RaySystemError as error:
                raise LtBenchError(f"ray: {_first_line(error)}") from None
            except ray.exceptions.RayError as error:
                yield lost(job, f"its process or machine was lost {RETRIES + 1} times: {_first_line(error)}")


def _prepare(make: Callable[[], Worker[Any, Any]], job: Any) -> Any:
    """Runs in a Ray worker, which is one process for many tasks and keeps its networks between them."""
    from data_prep.engines.threads import one_thread, start_with_one_thread

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


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not os.environ.get("RAY_ADDRESS"):  # Ray's switch for systems whose firewalls ask: everything on loopback
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise LtBenchError("--engine ray: expected Ray, got none; pip install 'lt-bench[ray]'") from None
    return ray


def _connect(ray: Any, workers: int) -> bool:
    """Connect to the cluster; whether this call did it."""
    if ray.is_initialized():
        return False
    here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers}
    try:
        ray.init(
            include_dashboard=False if here else None,
            log_to_driver=False,
            logging_level="warning",
            runtime_env={"env_vars": _environment()},
            **here,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise LtBenchError(f"ray: expected a cluster at RAY_ADDRESS, got {_first_line(error)}") from None
    return True


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    # Paths relative to this process's folder mean nothing elsewhere.
    paths = {name: str(Path(value).resolve()) for name, value in kept.items() if Path(value).is_dir()}
    return kept | paths | {"OMP_NUM_THREADS": "1"}


def _cause(error: Any) -> BaseException:
    return error.cause if isinstance(error.cause, LtBenchError) else error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
