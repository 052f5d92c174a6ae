"""Progress of a running grid on the terminal and in MLflow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.tracking import wait_for_tracker

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.ablation.grid_plan import Job
    from lt_bench.config import ExperimentConfig
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.job_status import Status
    from lt_bench.jobs.snapshot import Snapshot
    from lt_bench.leaderboard.build import Leaderboard
    from lt_bench.tracking.background import BackgroundTracker

EXPERIMENT_FILE = "experiment.yaml"


class Follower:
    """Shows the progress of a grid and forwards it to the tracker."""

    def __init__(
        self,
        config: ExperimentConfig,
        jobs: tuple[Job, ...],
        cache_hash: str,
        display: JobsDisplay,
        tracker: BackgroundTracker,
    ) -> None:
        self.config, self.jobs, self.cache_hash, self.display, self.tracker = config, jobs, cache_hash, display, tracker
        self._begun = False
        self._followed: set[str] = set()

    def tick(self, snapshot: Snapshot) -> None:
        """Update the display and log the jobs that have started."""
        from lt_bench.ablation.grid_tracking import parent_record, running_record
        from lt_bench.evaluation.stores.provenance import git_commit

        self.display.tick(snapshot)
        for job, runs in zip(self.jobs, snapshot.running, strict=True):
            if runs and job.name not in self._followed:
                self._followed.add(job.name)
                self.tracker.follow(job.name, partial(running_record, self.config, job, self.cache_hash))
        if any(snapshot.running) and not self._begun:
            self._begun = True
            self.tracker.parent(parent_record(self.config, self.cache_hash, git_commit()))

    def ended(self, job: Job, status: Status) -> None:
        """Report a job that is done or failed."""
        from lt_bench.ablation.grid_tracking import job_record

        self.display.ended(job, status)
        self.tracker.child(job_record(self.config, job, status, self.cache_hash))

    def retried(self, job: Job, status: Status) -> None:
        """Report a failed job that will be retried."""
        self.display.retried(job, status)

    def stopping(self, workers: int) -> None:
        """Report that the grid is interrupted."""
        self.display.stopping(workers)


def open_tracker(config: ExperimentConfig) -> BackgroundTracker:
    """Open the tracker of an experiment."""
    from lt_bench.tracking.background import BackgroundTracker
    from lt_bench.tracking.mlflow_tracker import MlflowTracker

    return BackgroundTracker(MlflowTracker(Path(config.out), config.name, config.tracking_uri))


def close_tracker(
    config: ExperimentConfig,
    jobs: tuple[Job, ...],
    statuses: tuple[Status, ...],
    cache_hash: str,
    made: Leaderboard,
    tracker: BackgroundTracker,
    console: Console,
) -> str:
    """Log what has not been logged yet and report what could not be."""
    from lt_bench.ablation.grid_tracking import job_record, parent_record
    from lt_bench.evaluation.stores.provenance import git_commit

    # Cells of an earlier call that could not be logged then are logged now; those that were are left alone.
    for job, status in zip(jobs, statuses, strict=True):
        tracker.child(job_record(config, job, status, cache_hash))
    files = (made.csv, made.markdown, made.page, Path(config.out) / EXPERIMENT_FILE)
    tracker.parent(parent_record(config, cache_hash, git_commit(), files))
    return wait_for_tracker(tracker, config.out, console)
