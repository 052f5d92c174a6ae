"""Running the jobs of a grid in parallel on an engine, keeping finished work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from lt_bench.ablation.grid_inspection import inspect, is_trained, waiting
from lt_bench.ablation.grid_plan import Job
from lt_bench.ablation.shared_training import share_trainings, take_over
from lt_bench.config import to_dict, to_yaml
from lt_bench.conventions import CONFIG_FILE, STATUS_FILE
from lt_bench.errors import LtBenchError
from lt_bench.files import write_json, write_text
from lt_bench.jobs.engines.base import Ending, Engine, Task
from lt_bench.jobs.job_status import Status, one_line, read_status
from lt_bench.jobs.polling_runner import PollingRunner
from lt_bench.jobs.remaining_time import time_left
from lt_bench.jobs.snapshot import Snapshot


@runtime_checkable
class Watcher(Protocol):
    """Receives the progress of a grid."""

    def tick(self, snapshot: Snapshot) -> None:
        """Handle an update; called several times per second."""

    def ended(self, job: Job, status: Status) -> None:
        """Handle a job that is done or failed."""

    def retried(self, job: Job, status: Status) -> None:
        """Handle a job that failed, for the reason in its status, and will be retried."""

    def stopping(self, workers: int) -> None:
        """Handle an interrupt, with the number of workers that are asked to end."""


@dataclass(frozen=True)
class Rules:
    """Criteria for finished jobs, and the handling of failures."""

    cache_hash: str
    """Hash of the cache that all jobs use."""
    protocol_hash: str
    """Hash of the protocol that scores all jobs."""
    retries: int = 0
    """Number of retries of a failed job."""
    rescore: bool = False
    """Whether finished jobs are scored again from their videos."""


@dataclass
class _Running:
    job: Job
    task: Task


@dataclass
class _GridRunner(PollingRunner[_Running]):
    jobs: tuple[Job, ...]
    rules: Rules
    engine: Engine
    watcher: Watcher
    statuses: dict[str, Status]
    trainers: dict[str, Job]
    waiting: list[Job] = field(default_factory=list)
    running: list[_Running] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)

    def is_finished(self) -> bool:
        return not self.waiting

    def start_next(self) -> bool:
        job = next((job for job in self.waiting if self._is_ready(job)), None)
        if job is None:
            if not self.running:
                self._give_up()
            return False
        self.waiting.remove(job)
        self._start(job)
        return True

    def notify_stopping(self) -> None:
        self.watcher.stopping(len(self.running))

    def _is_ready(self, job: Job) -> bool:
        """Return whether a job can start; a job that shares a training waits for it."""
        trainer = self.trainers[job.name]
        return trainer is job or is_trained(job, trainer)

    def _give_up(self) -> None:
        """Mark the jobs that wait for a failed training as failed."""
        for job in self.waiting:
            trainer = self.trainers[job.name]
            reason = f"its training, shared with {trainer.name}, failed: {self.statuses[trainer.name].reason}"
            self._set(job, replace(self.statuses[job.name], state="failed", reason=one_line(reason)))
            self.watcher.ended(job, self.statuses[job.name])
        self.waiting.clear()

    def _start(self, job: Job) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        write_text(job.folder / CONFIG_FILE, to_yaml(job.config))
        if self.trainers[job.name] is not job:
            take_over(job, self.trainers[job.name])
        # The status of an earlier attempt must not be taken for this one's.
        self._set(job, self.statuses[job.name])
        self.running.append(_Running(job, self.engine.start(job.folder)))

    def react(self, one: _Running, ending: Ending) -> None:
        status = _final_status(one.job, ending)
        tries = self.tries[one.job.name] = self.tries.get(one.job.name, 0) + 1
        self.statuses[one.job.name] = status
        if status.state == "failed" and tries <= self.rules.retries:
            self.watcher.retried(one.job, status)
            trained = is_trained(one.job, self.trainers[one.job.name])
            self.statuses[one.job.name] = waiting(status, trained)
            self.waiting.append(one.job)
        else:
            self._set(one.job, status)
            self.watcher.ended(one.job, status)

    def _set(self, job: Job, status: Status) -> None:
        self.statuses[job.name] = status
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(job.folder / STATUS_FILE, to_dict(status))

    def show(self) -> None:
        for one in self.running:
            self.statuses[one.job.name] = read_status(one.job.folder)
        statuses = tuple(self.statuses[job.name] for job in self.jobs)
        names = {one.job.name for one in self.running}
        running = tuple(job.name in names for job in self.jobs)
        left = time_left(statuses, running, self.engine.workers)
        self.watcher.tick(Snapshot(self.jobs, statuses, running, left))


def run_jobs(jobs: Sequence[Job], rules: Rules, engine: Engine, watcher: Watcher) -> tuple[Status, ...]:
    """Run every unfinished job; failed ones are retried, and a failure does not stop the others.

    Args:
        jobs: jobs in the order of their start.
        rules: criteria for finished jobs, and the handling of failures.
        engine: engine that runs the workers.
        watcher: receiver of the progress.

    Returns:
        The status of every job, in order.

    Raises:
        LtBenchError: a folder has another configuration, and nothing was started; or the engine refuses more jobs, and
            the
            running ones were stopped.
        KeyboardInterrupt: the workers have ended; a rerun resumes them.
    """
    found = {job.name: inspect(job, rules.cache_hash, rules.protocol_hash) for job in jobs}
    left = [job for job in jobs if rules.rescore or found[job.name].state != "done"]
    trainers = share_trainings(jobs, found.keys() - {job.name for job in left})
    grid = _GridRunner(tuple(jobs), rules, engine, watcher, found, trainers, left)
    for job in grid.waiting:
        # One that trains for itself may have part of its training behind it; one that does not has all or nothing.
        trained = trainers[job.name] is not job and is_trained(job, trainers[job.name])
        grid.statuses[job.name] = waiting(found[job.name], trained)
    grid.run()
    return tuple(grid.statuses[job.name] for job in jobs)


def _final_status(job: Job, ending: Ending) -> Status:
    try:
        status = read_status(job.folder)
    except LtBenchError as error:
        return Status(state="failed", reason=one_line(str(error)))
    if status.state == "failed" or (ending.code == 0 and status.state == "done"):
        return status
    reason = ending.reason or f"the worker ended while its status says {status.state}"
    return replace(status, state="failed", reason=one_line(reason), eta=None)
