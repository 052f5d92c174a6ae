"""Parallel processes of this machine, each with its share of the cores and its own GPUs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.launch import ending, start_worker, stop_workers, worker_environment


@dataclass
class LocalTask:
    """A worker process on this machine."""

    process: subprocess.Popen[bytes]
    slot: int

    def ending(self) -> Ending | None:
        """Return how the process ended; None while it runs."""
        code = self.process.poll()
        return None if code is None else Ending(code, ending(code) if code else "")


class LocalEngine:
    """Worker processes of this machine."""

    def __init__(self, workers: int, cores: int, gpus: Sequence[str] = ()) -> None:
        """Args: how many side by side, the cores they share, and the GPUs of each in turn (CUDA_VISIBLE_DEVICES)."""
        self.workers, self.cores, self.gpus = workers, cores, tuple(gpus)
        self._tasks: list[LocalTask] = []

    def start(self, folder: Path) -> LocalTask:
        """Start a worker in the first free slot."""
        self._tasks = [task for task in self._tasks if task.ending() is None]
        taken = {task.slot for task in self._tasks}
        slot = next(k for k in range(self.workers) if k not in taken)
        variables = worker_environment(slot, self.workers, self.cores, self.gpus)
        # A worker is one model, whose processes Lightning starts: not a task of the Slurm job that this may be in.
        task = LocalTask(start_worker(folder, variables, hidden="SLURM_"), slot)
        self._tasks.append(task)
        return task

    def stop(self, tasks: Sequence[Task]) -> None:
        """Ask workers to end, wait, and kill those that remain."""
        stop_workers([task.process for task in tasks if isinstance(task, LocalTask)])

    def close(self) -> None:
        """Do nothing; the engine holds no resources."""
