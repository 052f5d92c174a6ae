"""Run the jobs of a grid, some side by side, and keep what is done."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from lt_bench.ablation.plan import Job
from lt_bench.config import to_dict, to_yaml
from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.results import load_result
from lt_bench.files import write_json, write_text
from lt_bench.jobs.estimate import time_left
from lt_bench.jobs.folder import CONFIG_FILE, RESULT_FILE, check_folder
from lt_bench.jobs.launch import ending, start_worker, stop_workers, worker_environment
from lt_bench.jobs.snapshot import Snapshot
from lt_bench.jobs.status import STATUS_FILE, Status, read_status

POLL = 0.2
"""Seconds between two looks at the workers."""


@runtime_checkable
class Watcher(Protocol):
    """Is told how a grid goes."""

    def tick(self, snapshot: Snapshot) -> None:
        """Called several times a second."""

    def ended(self, job: Job, status: Status) -> None:
        """A job is done or failed."""

    def stopping(self, workers: int) -> None:
        """The grid was interrupted, and so many workers are asked to end."""


@dataclass(frozen=True)
class Resources:
    """What workers may use."""

    workers: int
    """Jobs side by side."""
    cores: int
    gpus: tuple[str, ...] = ()


@dataclass
class _Running:
    job: Job
    slot: int
    process: subprocess.Popen[bytes]


@dataclass
class _Grid:
    jobs: tuple[Job, ...]
    statuses: dict[str, Status]
    running: list[_Running] = field(default_factory=list)

    def snapshot(self, workers: int) -> Snapshot:
        for one in self.running:
            self.statuses[one.job.name] = read_status(one.job.folder)
        statuses = tuple(self.statuses[job.name] for job in self.jobs)
        names = {one.job.name for one in self.running}
        running = tuple(job.name in names for job in self.jobs)
        return Snapshot(self.jobs, statuses, running, time_left(statuses, running, workers))


def _waiting(status: Status) -> Status:
    """A job that waits, with the part of its training that is done."""
    past = status.state in ("generating", "scoring", "done")
    step, steps = (1, 1) if past else (status.step, status.steps) if status.state == "training" else (0, 0)
    return replace(status, state="pending", step=step, steps=steps, eta=None, reason="")


def inspect(job: Job, cache_hash: str, protocol_hash: str) -> Status:
    """The status of a job before anything is run; ``done`` only with a result of this cache and protocol.

    Raises:
        LtBenchError: the folder was made with another configuration or on another cache.
    """
    check_folder(job.folder, job.config)
    status = read_status(job.folder)
    if status.cache_hash and cache_hash and status.cache_hash != cache_hash:
        made = status.cache_hash[:16]
        raise LtBenchError(
            f"{job.folder}: expected a run on cache {cache_hash[:16]}, got one begun on cache {made}; "
            "choose another --out, or remove this folder to start it again"
        )
    if status.state == "done" and not _has_result(job, cache_hash, protocol_hash):
        return replace(status, state="pending")
    return status


def _has_result(job: Job, cache_hash: str, protocol_hash: str) -> bool:
    try:
        result = load_result(job.folder / RESULT_FILE)
    except ResultError:
        return False  # missing or damaged: it is made again from the videos, which takes little
    return result.protocol.hash == protocol_hash and (not cache_hash or result.cache_hash == cache_hash)


def run_jobs(
    jobs: Sequence[Job],
    cache_hash: str,
    protocol_hash: str,
    resources: Resources,
    watcher: Watcher,
    rescore: bool = False,
) -> tuple[Status, ...]:
    """Run every job that is not done; failed ones are tried again, and one that fails does not stop the others.

    Args:
        jobs: in the order they are started.
        cache_hash: of the cache that all work on.
        protocol_hash: of the protocol that all are scored under.
        resources: what workers may use.
        watcher: told how it goes.
        rescore: score again what is done, from its videos.

    Returns:
        The status of every job, in order.

    Raises:
        LtBenchError: a folder of another configuration; nothing has been started then.
        KeyboardInterrupt: the workers have ended; running again goes on where they were.
    """
    grid = _Grid(tuple(jobs), {job.name: inspect(job, cache_hash, protocol_hash) for job in jobs})
    waiting = [job for job in jobs if rescore or grid.statuses[job.name].state != "done"]
    for job in waiting:
        grid.statuses[job.name] = _waiting(grid.statuses[job.name])
    try:
        while waiting or grid.running:
            while waiting and len(grid.running) < resources.workers:
                grid.running.append(_start(waiting.pop(0), grid, resources))
            watcher.tick(grid.snapshot(resources.workers))
            time.sleep(POLL)
            for one in [r for r in grid.running if r.process.poll() is not None]:
                grid.running.remove(one)
                grid.statuses[one.job.name] = _final_status(one)
                watcher.ended(one.job, grid.statuses[one.job.name])
        watcher.tick(grid.snapshot(resources.workers))
    except KeyboardInterrupt:
        watcher.stopping(len(grid.running))
        raise
    finally:
        stop_workers([one.process for one in grid.running])
    return tuple(grid.statuses[job.name] for job in jobs)


def _start(job: Job, grid: _Grid, resources: Resources) -> _Running:
    job.folder.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / CONFIG_FILE, to_yaml(job.config))
    taken = {one.slot for one in grid.running}
    slot = next(k for k in range(resources.workers) if k not in taken)
    variables = worker_environment(slot, resources.workers, resources.cores, resources.gpus)
    # The status of an earlier attempt must not be taken for this one's.
    write_json(job.folder / STATUS_FILE, to_dict(grid.statuses[job.name]))
    return _Running(job, slot, start_worker(job.folder, variables))


def _final_status(one: _Running) -> Status:
    status, code = read_status(one.job.folder), one.process.returncode
    if status.state == "failed" or (code == 0 and status.state == "done"):
        return status
    status = replace(status, state="failed", reason=ending(code), eta=None)
    write_json(one.job.folder / STATUS_FILE, to_dict(status))
    return status
