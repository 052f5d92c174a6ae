"""One Slurm job per model through submitit; a job that reaches its time limit is saved and requeued."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lt_bench.config import EngineConfig
from lt_bench.errors import LtBenchError
from lt_bench.jobs.command_lease import Lease
from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.engines.remote import STOPPING, Order, begin, order, wait
from lt_bench.jobs.launch import GRACE, ending, stop_workers

NAME = "lt-bench"
JOBS = "slurm"
"""Folder of the jobs' scripts and logs."""
POLL = 0.2
TO_QUEUE = 20.0
"""Seconds reserved at the end of a job to kill a worker that does not respond, and to requeue the job."""


@dataclass
class SlurmWorker:
    """The function that the job runs; submitit pickles it, again each time that the job is requeued."""

    order: Order
    grace: float = GRACE
    """Seconds that the worker has to save itself when the job reaches its time limit."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __call__(self) -> int:
        """Start the worker and wait for its exit code."""
        self.process = begin(self.order)
        try:
            return wait(self.process)
        finally:
            stop_workers([self.process])

    def checkpoint(self) -> Any:
        """Save the worker before the time limit, and return the same call for the requeued job."""
        import submitit

        if self.process is not None:
            stop_workers([self.process], self.grace)
        return submitit.helpers.DelayedSubmission(SlurmWorker(self.order, self.grace))


@dataclass
class SlurmTask:
    """A Slurm job."""

    job: Any

    def ending(self) -> Ending | None:
        """Return how the job ended; None while it waits or runs."""
        if not self.job.done():
            return None
        try:
            code = self.job.result()
        except Exception as error:  # noqa: BLE001 - submitit raises what it finds; the reason is kept with the cell
            return Ending(-1, f"Slurm job {self.job.job_id} ended as {self.job.state}: {_last_line(error)}")
        return Ending(code, ending(code) if code else "")


class SlurmEngine:
    """Workers as Slurm jobs, or as jobs of submitit's local executor on this machine."""

    def __init__(self, workers: int, config: EngineConfig, out: Path) -> None:
        """Connect to Slurm.

        Args:
            workers: number of parallel jobs in the queue.
            config: resources of each job.
            out: folder of the experiment; scripts and logs of the jobs go to ``slurm`` in it.

        Raises:
            LtBenchError: submitit or Slurm is missing, or sbatch does not know a parameter.
        """
        self.workers, self.threads = workers, max(1, config.cpus)
        self.grace = max(GRACE, config.slurm.signal_seconds - TO_QUEUE)
        self.executor = build_executor(config, out / JOBS)
        self._lease = Lease(out / ".alive")
        self._lease.__enter__()

    def start(self, folder: Path) -> SlurmTask:
        """Submit a job."""
        try:
            worker = SlurmWorker(order(folder, self._lease, self.threads), self.grace)
            return SlurmTask(self.executor.submit(worker))
        except Exception as error:  # submitit raises its own FailedJobError, and the system's errors
            raise LtBenchError(f"engine slurm: sbatch took no job: {_last_line(error)}") from error

    def stop(self, tasks: Sequence[Task]) -> None:
        """Cancel jobs and wait for their end; Slurm kills those that do not respond."""
        alive = [task.job for task in tasks if isinstance(task, SlurmTask) and not task.job.done()]
        for job in alive:
            job.cancel(check=False)
        deadline = time.monotonic() + STOPPING
        while time.monotonic() < deadline and not all(job.done() for job in alive):
            time.sleep(POLL)

    def close(self) -> None:
        """End the remaining workers."""
        self._lease.__exit__(None, None, None)


def build_executor(config: EngineConfig, folder: Path) -> Any:
    """Build submitit's executor with the configured parameters.

    Raises:
        LtBenchError: submitit or Slurm is missing, or a parameter is unknown.
    """
    try:
        import submitit
    except ImportError:
        raise LtBenchError("engine slurm: expected submitit, got none; pip install -e '.[slurm]'") from None
    cluster = config.slurm.cluster
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster, slurm_max_num_timeout=config.slurm.requeues)
        executor.update_parameters(**parameters(config))
    except (RuntimeError, ValueError, NameError, TypeError) as error:
        raise LtBenchError(f"engine slurm: expected Slurm on this machine, got: {_last_line(error)}") from None
    return executor


def check_partition(config: EngineConfig) -> None:
    """Check that Slurm knows the partition of the jobs, if it can be queried.

    Raises:
        LtBenchError: Slurm does not know it.
    """
    name, sinfo = config.slurm.partition, shutil.which("sinfo")
    if config.slurm.cluster != "slurm" or not name or sinfo is None:
        return
    asked = subprocess.run([sinfo, "--noheader", "--format=%R"], capture_output=True, text=True, check=False)
    known = sorted(set(asked.stdout.split()))
    unknown = [part for part in name.split(",") if part not in known]
    if asked.returncode == 0 and known and unknown:
        raise LtBenchError(
            f"key 'engine.slurm.partition': expected partitions of this cluster ({', '.join(known)}), got {unknown[0]}"
        )


def parameters(config: EngineConfig) -> dict[str, Any]:
    """Return submitit's parameters; empty values are left to the cluster."""
    slurm = config.slurm
    named = {key: getattr(slurm, key) for key in ("partition", "account", "qos", "constraint")}
    own = {f"slurm_{key}": value for key, value in named.items() if value}
    if slurm.setup:
        own["slurm_setup"] = list(slurm.setup)
    if slurm.extra:
        own["slurm_additional_parameters"] = dict(slurm.extra)
    if slurm.memory_gb:
        own["mem_gb"] = slurm.memory_gb
    return {
        "name": NAME,
        "timeout_min": slurm.minutes,
        "nodes": 1,
        "tasks_per_node": 1,
        "cpus_per_task": max(1, config.cpus),
        "gpus_per_node": config.gpus,
        "slurm_signal_delay_s": slurm.signal_seconds,
        **own,
    }


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
