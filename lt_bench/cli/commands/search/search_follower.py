"""Progress of a running search on the terminal and in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from lt_bench.conventions import CONFIG_FILE

if TYPE_CHECKING:
    from lt_bench.config import RunConfig
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.snapshot import Snapshot
    from lt_bench.search.attempt import Attempt
    from lt_bench.search.search_plan import SearchPlan
    from lt_bench.search.shared_study import SharedStudy
    from lt_bench.search.trial_outcome import Ended
    from lt_bench.tracking.background import BackgroundTracker

COLOURS = {"failed": "red", "again": "yellow"}


class Follower:
    """Shows the progress of a search and forwards it to the tracker."""

    def __init__(
        self,
        plan: SearchPlan,
        study: SharedStudy,
        cache_hash: str,
        display: JobsDisplay,
        tracker: BackgroundTracker,
    ) -> None:
        self.plan, self.study, self.cache_hash, self.display, self.tracker = plan, study, cache_hash, display, tracker

    def tick(self, snapshot: Snapshot) -> None:
        """Update the display."""
        self.display.tick(snapshot)

    def begun(self, attempt: Attempt, config: RunConfig) -> None:
        """Report an attempt that has begun."""
        from lt_bench.search.study_tracking import running_record

        self.tracker.follow(attempt.name, partial(running_record, self.plan, attempt, config, self.cache_hash))

    def ended(self, ended: Ended) -> None:
        """Report an attempt that has ended."""
        self.display.say(ended_line(ended), COLOURS.get(ended.outcome, "green"))
        if ended.outcome != "again":
            track(self.plan, self.study, self.cache_hash, self.tracker, (ended.attempt.place,))

    def recovered(self, numbers: Sequence[int]) -> None:
        """Report trials of a killed command that will be repeated."""
        for number in numbers:
            self.display.say(f"attempt {number} gave no sign of life; it is tried again", "yellow")

    def stopping(self, workers: int) -> None:
        """Report that the search is interrupted."""
        self.display.stopping(workers)


def ended_line(ended: Ended) -> str:
    """Return how an attempt ended, as one line."""
    from lt_bench.jobs.display import ended_line as line

    if ended.outcome == "pruned":
        return f"{ended.attempt.name} pruned at step {ended.status.step}"
    again = "; it is tried again" if ended.outcome == "again" else ""
    return f"{line(ended.attempt, ended.status)}{again}"


def track(
    plan: SearchPlan, study: SharedStudy, cache_hash: str, tracker: BackgroundTracker, only: Sequence[int] = ()
) -> None:
    """Log all or some of the trials that have ended, except those that are logged already."""
    from lt_bench.search.attempt import place_of
    from lt_bench.search.study_tracking import trial_record

    for trial in study.latest()[: plan.config.trials]:
        place = place_of(trial)
        if trial.state.is_finished() and (not only or place in only) and (plan.folder(place) / CONFIG_FILE).exists():
            tracker.child(trial_record(plan, trial, cache_hash))


def open_tracker(plan: SearchPlan, study: SharedStudy) -> BackgroundTracker:
    """Open the tracker of a search."""
    from lt_bench.tracking.background import BackgroundTracker
    from lt_bench.tracking.mlflow_tracker import MlflowTracker

    config = plan.config
    return BackgroundTracker(MlflowTracker(plan.out, config.name, config.tracking_uri, parent_key=study.key))
