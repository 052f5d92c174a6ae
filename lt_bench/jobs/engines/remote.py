"""A worker below another process: a Ray task or a job of submitit, which starts it, waits, and takes it along."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.jobs import launch
from lt_bench.jobs.command_lease import Lease
from lt_bench.jobs.launch import GRACE, start_worker, stop_workers, thread_variables
from lt_bench.jobs.parent_watchdog import PARENT

LOOK = 0.5
"""Seconds between two looks, in which an interrupt is heard."""
PASSED_ON = ("LT_BENCH_", "PYTHONPATH")
"""Beginnings of the environment variables that workers elsewhere get from the command."""


@dataclass(frozen=True)
class Order:
    """What to start, and where; pickled."""

    folder: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "."
    """Of the command: relative paths of the configuration start there."""


def order(folder: Path, lease: Lease, threads: int) -> Order:
    """The order for a folder's worker.

    Where the environment names a folder, it is named so that other processes find it.
    """
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and name != PARENT}
    passed |= {name: str(Path(value).resolve()) for name, value in passed.items() if Path(value).is_dir()}
    variables = passed | thread_variables(threads) | lease.variable
    return Order(str(folder.resolve()), tuple(launch.COMMAND), variables, str(Path.cwd()))


def run_worker(given: Order) -> int:
    """Start the worker and wait for its exit code; whatever ends this process ends the worker too."""
    worker = begin(given)
    try:
        return wait(worker)
    finally:
        stop_workers([worker])


def begin(given: Order) -> subprocess.Popen[bytes]:
    """Start the worker below this process.

    Slurm's variables are kept from it: it is one model, whose processes Lightning starts, not a task of Slurm's.
    """
    os.chdir(given.cwd)
    variables = {**given.variables, PARENT: str(os.getpid())}
    return start_worker(Path(given.folder), variables, given.command, hidden="SLURM_")


def wait(worker: subprocess.Popen[bytes]) -> int:
    """The worker's exit code; signals are heard while it runs."""
    while True:
        try:
            return worker.wait(LOOK)
        except subprocess.TimeoutExpired:
            continue


STOPPING = GRACE + 5.0
"""Seconds that a task or job has to end its worker and itself, before it is killed."""
