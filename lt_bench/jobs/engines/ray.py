"""One Ray task per model, on the cluster at ``RAY_ADDRESS`` or on one that is started on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.config import EngineConfig
from lt_bench.errors import LtBenchError
from lt_bench.jobs.command_lease import Lease
from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.engines.remote import STOPPING, Order, order, run_worker
from lt_bench.jobs.launch import ending, visible_gpus
from lt_bench.ray_cluster import first_line, import_ray, ray_cluster


@dataclass
class RayTask:
    """A worker inside a Ray task."""

    ray: Any
    ref: Any

    def ending(self) -> Ending | None:
        """Return how the task ended; None while it waits or runs."""
        if not self.ray.wait([self.ref], timeout=0)[0]:
            return None
        try:
            code = self.ray.get(self.ref)
        except self.ray.exceptions.RayError as error:
            return Ending(-1, f"its Ray task was lost: {first_line(error)}")
        return Ending(code, ending(code) if code else "")


class RayEngine:
    """Workers as tasks of a Ray cluster."""

    def __init__(self, workers: int, config: EngineConfig, lease: Path, accelerator: str) -> None:
        """Connect to the cluster.

        Args:
            workers: number of parallel tasks; tasks that do not fit wait in the cluster.
            config: CPUs (also the number of threads) and GPUs of each task.
            lease: file by which workers know that this command is alive.
            accelerator: value of ``train.accelerator``.

        Raises:
            LtBenchError: Ray is not installed or cannot be reached, no machine has that many CPUs or GPUs, or all
                workers
                would use the same GPU.
        """
        self.workers, self.cpus = workers, max(1, config.cpus)
        with ExitStack() as opened:
            self._ray = opened.enter_context(ray_cluster(workers * self.cpus))
            self._lease = opened.enter_context(Lease(lease))
            check_room(largest_machine(self._ray), config, accelerator)
            self._opened = opened.pop_all()
        self._run = self._ray.remote(num_cpus=self.cpus, num_gpus=config.gpus, max_retries=0)(run_order)

    def start(self, folder: Path) -> RayTask:
        """Submit a task."""
        return RayTask(self._ray, self._run.remote(order(folder, self._lease, self.cpus)))

    def stop(self, tasks: Sequence[Task]) -> None:
        """Interrupt tasks, wait, and kill those that remain; a worker ends with its task's process."""
        alive = [task for task in tasks if isinstance(task, RayTask) and task.ending() is None]
        for task in alive:
            self._ray.cancel(task.ref)
        deadline = time.monotonic() + STOPPING
        for task in alive:
            left = max(0.0, deadline - time.monotonic())
            if not self._ray.wait([task.ref], timeout=left)[0]:
                self._ray.cancel(task.ref, force=True)

    def close(self) -> None:
        """Leave the cluster, and stop it if this command started it."""
        self._opened.close()


def check_cluster(config: EngineConfig, accelerator: str) -> None:
    """Check that a running cluster has room for a model, without starting a cluster.

    Raises:
        LtBenchError: Ray is not installed, cannot be reached, or has no machine for a model.
    """
    if os.environ.get("RAY_ADDRESS"):
        with ray_cluster(1) as ray:
            room = largest_machine(ray)
    else:
        import_ray()
        room = Room(max(1, config.cpus), len(visible_gpus("gpu")))
    check_room(room, config, accelerator)


@dataclass(frozen=True)
class Room:
    """Resources of a machine for workers."""

    cpus: float
    gpus: float


def largest_machine(ray: Any) -> Room:
    """Return the largest numbers of CPUs and of GPUs that a machine of the connected cluster has."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Room(*(max((have.get(what, 0) for have in resources), default=0) for what in ("CPU", "GPU")))


def check_room(room: Room, config: EngineConfig, accelerator: str) -> None:
    """Check that a cluster has the resources of each model, including a GPU if it needs one.

    A worker uses a GPU if it sees one, unless it trains on the CPU; without an assignment it sees all of them.

    Raises:
        LtBenchError: no machine has the resources, or all workers would use the same GPU.
    """
    for key, most, wanted in (("cpus", room.cpus, max(1, config.cpus)), ("gpus", room.gpus, config.gpus)):
        if wanted > most:
            raise LtBenchError(f"key 'engine.{key}': expected at most {most:.0f}, as the cluster has, got {wanted}")
    if config.gpus or accelerator == "cpu":
        return
    if room.gpus:
        raise LtBenchError(
            "key 'engine.gpus': expected train.devices, or train.accelerator=cpu, as the cluster has GPUs, got 0"
        )
    if accelerator == "gpu":
        raise LtBenchError(
            "key 'train.accelerator': expected a cluster with GPUs, got one without; use train.accelerator=cpu"
        )


def run_order(given: Order) -> int:
    """Run an order inside a Ray worker."""
    return run_worker(given)
