"""Start and end of worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lt_bench.jobs.parent_watchdog import PARENT

LOG_FILE = "log.txt"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
COMMAND = (sys.executable, "-m", "lt_bench.jobs.worker")
CANNOT_WRITE = 73
"""Exit code of a worker that could not write its files, perhaps not even the reason (EX_CANTCREAT of sysexits.h)."""
UNPRINTED = 120
"""Python's exit code if output could not be written."""
NO_ROOM = (CANNOT_WRITE, UNPRINTED)
GRACE = 15.0
"""Seconds that a worker has to end when asked, before it is killed."""


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment variables that limit a worker to a number of threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}


def worker_environment(slot: int, workers: int, cores: int, gpus: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of the worker in a slot: its share of the cores, and its GPU if there are several.

    Waiting threads sleep, because spinning threads on busy cores made two threads slower than one.
    """
    variables = thread_variables(max(1, cores // workers)) | {PARENT: str(os.getpid())}
    if len(gpus) > 1:
        variables["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    return variables


def visible_gpus(accelerator: str) -> tuple[str, ...]:
    """Return the GPUs that workers can use, in the form of CUDA_VISIBLE_DEVICES."""
    if accelerator == "cpu":
        return ()
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(named.split(",")[:count]) if named and count else tuple(map(str, range(count)))


def start_worker(
    folder: Path, variables: Mapping[str, str], command: Sequence[str] = (), hidden: str = ""
) -> subprocess.Popen[bytes]:
    """Start the worker of a job's folder in its own process group, with its output in the folder's log.

    Args:
        folder: folder of the job.
        variables: environment variables in addition to those of this process.
        command: replacement for ``COMMAND``.
        hidden: prefix of variables of this process that are not passed on.
    """
    own = {name: value for name, value in os.environ.items() if not hidden or not name.startswith(hidden)}
    with (folder / LOG_FILE).open("ab") as log:
        log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} ---\n".encode())
        log.flush()
        return subprocess.Popen(
            [*(command or COMMAND), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**own, **variables},
            start_new_session=True,  # the terminal's Ctrl-C reaches the command alone, which then stops its workers
        )


def stop_workers(workers: Iterable[subprocess.Popen[bytes]], grace: float = GRACE) -> None:
    """Ask workers to end, wait, and kill those that remain."""
    alive = [worker for worker in workers if worker.poll() is None]
    for worker in alive:
        _signal_group(worker, signal.SIGTERM)
    deadline = time.monotonic() + grace
    try:
        for worker in alive:
            worker.wait(max(0.0, deadline - time.monotonic()))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass  # out of patience, or asked twice: what is left is killed
    for worker in alive:
        _signal_group(worker, signal.SIGKILL)
        worker.wait()


def _signal_group(worker: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(worker.pid, number)
    except ProcessLookupError:
        return  # the whole group has ended


def ending(code: int) -> str:
    """Return the meaning of an exit code, for a worker that left no reason."""
    if code < 0:
        name = signal.Signals(-code).name
        memory = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        return f"the worker was ended by {name}{memory}; see {LOG_FILE}"
    if code in NO_ROOM:
        return f"the worker's files could not be written: is the disk full? See {LOG_FILE}"
    return f"the worker ended with code {code}; see {LOG_FILE}"
