"""Engines: ways to run one function over many jobs. Each gives the same results, in the order in which they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol, TypeVar

from lt_bench.devices import CPU, visible_gpus

Engine = Literal["local", "ray"]
Job = TypeVar("Job", contravariant=True)
Result = TypeVar("Result")
ResultOut = TypeVar("ResultOut", covariant=True)


class Worker(Protocol[Job, ResultOut]):
    """What a process holds between jobs: networks, built once."""

    def prepare(self, job: Job) -> ResultOut:
        """Do one job. Doing it again, after a process died over it, must give the same files."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


def run_jobs(
    jobs: Sequence[Job],
    make: Callable[[], Worker[Job, Result]],
    lost: Callable[[Job, str], Result],
    workers: int,
    engine: Engine = "local",
    devices: Sequence[str] = (),
) -> Iterator[Result]:
    """Do the jobs; results come in the order in which they end.

    Args:
        jobs: what to do.
        make: builds a process's worker; pickled, so a module-level function, class or ``functools.partial``.
        lost: the result of a job that ended its process each time it was tried, from the job and the reason.
        workers: processes at most. With the local engine and one worker everything happens in this process.
        engine: ``local`` for processes of this machine, ``ray`` for a Ray cluster.
        devices: of the local processes, in turn, as ``lt_bench.devices.parse_devices`` names them; none for all GPUs.
            With Ray, ``cpu`` leaves the cluster's GPUs alone.

    Raises:
        LtBenchError: what a worker raised; it concerns all jobs, such as a full disk.
    """
    if engine == "ray":
        from data_prep.engines.ray import run_on_ray

        return run_on_ray(jobs, make, lost, workers, gpus=CPU not in devices)
    from data_prep.engines.local import run_here, run_in_processes

    workers = min(max(workers, len(devices)), len(jobs))
    if workers <= 1 and not (devices and jobs):
        return run_here(jobs, make)
    return run_in_processes(jobs, make, lost, workers, devices or visible_gpus())
