"""Ray: a cluster is joined or started, and one function is run on it for every job, again where a machine is lost.

``RAY_ADDRESS`` names the cluster; without it Ray starts one on this machine, on the loopback interface.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lt_bench.errors import LtBenchError

RETRIES = 3
"""Tries after the first of a job whose process or machine is lost."""
AHEAD = 2
"""Jobs submitted for each worker; more would only fill the driver's memory."""
PASSED_ON = ("LT_BENCH_", "OMP_", "PYTHONPATH")
"""Beginnings of the environment variables that workers get from this process."""
Job = TypeVar("Job")
Result = TypeVar("Result")


@contextmanager
def ray_cluster(workers: int) -> Iterator[Any]:
    """The module ``ray``, connected; disconnected afterwards if it was not connected before.

    Args:
        workers: CPUs of a cluster that is started here.

    Raises:
        LtBenchError: Ray is not installed, or no cluster answers.
    """
    ray = import_ray()
    started = _connect(ray, workers)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()


def gpu_share(ray: Any, workers: int) -> float:
    """How much of one GPU each of some workers takes, so that all run at once; 0 where the cluster has none."""
    gpus = int(ray.cluster_resources().get("GPU", 0))
    return 1 / -(-workers // gpus) if gpus else 0.0


def run_tasks(
    ray: Any,
    submit: Callable[[Job], Any],
    jobs: Sequence[Job],
    lost: Callable[[Job, str], Result],
    workers: int,
) -> Iterator[Result]:
    """Results as they come, in any order.

    Args:
        ray: of ``ray_cluster``.
        submit: starts the task of a job; tasks are made with ``max_retries=RETRIES``.
        jobs: what is to be done.
        lost: the result of a job whose process or machine was lost every time, given the reason.
        workers: jobs side by side.

    Raises:
        LtBenchError: one that a task raised, or the cluster is gone.
    """
    left, running = list(reversed(jobs)), {}
    while left or running:
        while left and len(running) < AHEAD * workers:
            job = left.pop()
            running[submit(job)] = job
        for done in ray.wait(list(running))[0]:
            job = running.pop(done)
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except ray.exceptions.RaySystemError as error:
                raise LtBenchError(f"ray: {first_line(error)}") from None
            except ray.exceptions.RayError as error:
                yield lost(job, f"its process or machine was lost {RETRIES + 1} times: {first_line(error)}")


def import_ray() -> Any:
    """Ray, with what it reads of the environment.

    Raises:
        LtBenchError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not os.environ.get("RAY_ADDRESS"):  # Ray's switch for systems whose firewalls ask: everything on loopback
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise LtBenchError("engine ray: expected Ray, got none; pip install -e '.[ray]'") from None
    return ray


def _connect(ray: Any, workers: int) -> bool:
    """Connect to the cluster; whether this call did it."""
    if ray.is_initialized():
        return False
    # "local": never another user's cluster that happens to run on this machine.
    own = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    here = {} if os.environ.get("RAY_ADDRESS") else own
    try:
        ray.init(
            log_to_driver=False,
            logging_level="warning",
            runtime_env={"env_vars": _environment()},
            **here,
        )
    except Exception as error:  # noqa: BLE001 (a node that starts too slowly is a bare Exception)
        where = "a cluster on this machine" if here else "a cluster at RAY_ADDRESS"
        raise LtBenchError(f"ray: expected {where}, got {first_line(error)}") from None
    return True


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    # Paths relative to this process's folder mean nothing elsewhere.
    paths = {name: str(Path(value).resolve()) for name, value in kept.items() if Path(value).is_dir()}
    return kept | paths | {"OMP_NUM_THREADS": "1"}


def _cause(error: Any) -> BaseException:
    return error.cause if isinstance(error.cause, LtBenchError) else error


def first_line(error: BaseException) -> str:
    """What an error says, on one line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
