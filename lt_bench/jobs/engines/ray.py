"""A Ray task a model: of the cluster that ``RAY_ADDRESS`` names, else of one that is started on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.errors import LtBenchError
from lt_bench.jobs.command_lease import Lease
from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.engines.remote import STOPPING, Order, order, run_worker
from lt_bench.jobs.launch import ending
from lt_bench.ray_cluster import first_line, ray_cluster


@dataclass
class RayTask:
    """A worker below a Ray task."""

    ray: Any
    ref: Any

    def ending(self) -> Ending | None:
        """How it ended."""
        if not self.ray.wait([self.ref], timeout=0)[0]:
            return None
        try:
            code = self.ray.get(self.ref)
        except self.ray.exceptions.RayError as error:
            return Ending(-1, f"its Ray task was lost: {first_line(error)}")
        return Ending(code, ending(code) if code else "")


class RayEngine:
    """Workers as tasks of a Ray cluster."""

    def __init__(self, workers: int, cpus: int, gpus: int, lease: Path, needs_gpu: bool = False) -> None:
        """Connect.

        Args:
            workers: tasks side by side; more than the cluster has room for wait in it.
            cpus: of each task, and its threads.
            gpus: of each task.
            lease: file by which workers know that this command lives.
            needs_gpu: whether a worker takes a GPU where it sees one; it sees all of them if it is given none.

        Raises:
            LtBenchError: Ray is not installed, cannot be reached, no machine has so many CPUs or GPUs, or workers would
                all take the same GPU.
        """
        self.workers, self.cpus, self.gpus = workers, max(1, cpus), gpus
        with ExitStack() as opened:
            self._ray = opened.enter_context(ray_cluster(workers * self.cpus))
            self._lease = opened.enter_context(Lease(lease))
            self._check_room(needs_gpu)
            self._opened = opened.pop_all()
        self._run = self._ray.remote(num_cpus=self.cpus, num_gpus=gpus, max_retries=0)(run_order)

    def start(self, folder: Path) -> RayTask:
        """Submit a task."""
        return RayTask(self._ray, self._run.remote(order(folder, self._lease, self.cpus)))

    def stop(self, tasks: Sequence[Task]) -> None:
        """Interrupt tasks, wait, and kill what is left of them: a worker ends with its task's process."""
        alive = [task for task in tasks if isinstance(task, RayTask) and task.ending() is None]
        for task in alive:
            self._ray.cancel(task.ref)
        deadline = time.monotonic() + STOPPING
        for task in alive:
            left = max(0.0, deadline - time.monotonic())
            if not self._ray.wait([task.ref], timeout=left)[0]:
                self._ray.cancel(task.ref, force=True)

    def close(self) -> None:
        """Leave the cluster; end it where it is this command's own."""
        self._opened.close()

    def _check_room(self, needs_gpu: bool) -> None:
        for what, wanted in (("CPU", self.cpus), ("GPU", self.gpus)):
            most = max((node["Resources"].get(what, 0) for node in self._ray.nodes() if node["Alive"]), default=0)
            if wanted > most:
                key = f"engine.{what.lower()}s"
                raise LtBenchError(f"key '{key}': expected at most {most:.0f}, as the cluster has, got {wanted}")
        if needs_gpu and most and not self.gpus:  # the GPUs, which came last
            raise LtBenchError(
                "key 'engine.gpus': expected train.devices, or train.accelerator=cpu, as the cluster has GPUs, got 0"
            )


def run_order(given: Order) -> int:
    """Runs in a Ray worker."""
    return run_worker(given)
