"""A worker below another process, which is a Ray task or a submitit job that starts it, waits, and ends it."""

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
"""Seconds between two polls of the worker, during which interrupts are handled."""
PASSED_ON = ("LT_BENCH_", "PYTHONPATH")
"""Prefixes of the environment variables that are passed on to remote workers."""


@dataclass(frozen=True)
class Order:
    """The command and environment of a remote worker, in a form that can be pickled."""

    folder: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "."
    """Working directory of the command, to which relative paths of the configuration refer."""


def order(folder: Path, lease: Lease, threads: int) -> Order:
    """Return the order for a folder's worker.

    Folders in the environment are given as paths that other processes can find.
    """
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and name != PARENT}
    passed |= {name: str(Path(value).resolve()) for name, value in passed.items() if Path(value).is_dir()}
    variables = passed | thread_variables(threads) | lease.variable
    return Order(str(folder.resolve()), tuple(launch.COMMAND), variables, str(Path.cwd()))


def run_worker(given: Order) -> int:
    """Start the worker and wait for its exit code; the end of this process also ends the worker."""
    worker = begin(given)
    try:
        return wait(worker)
    finally:
        stop_workers([worker])


def begin(given: Order) -> subprocess.Popen[bytes]:
    """Start the worker below this process.

    Slurm's variables are removed because the worker is one model whose processes Lightning starts, not a Slurm task.
    """
    os.chdir(given.cwd)
    variables = {**given.variables, PARENT: str(os.getpid())}
    return start_worker(Path(given.folder), variables, given.command, hidden="SLURM_")


def wait(worker: subprocess.Popen[bytes]) -> int:
    """Wait for the worker's exit code while signals are handled."""
    while True:
        try:
            return worker.wait(LOOK)
        except subprocess.TimeoutExpired:
            continue


STOPPING = GRACE + 5.0
"""Seconds that a task or job has to end its worker and itself before it is killed."""
