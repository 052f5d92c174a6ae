"""Outcome of an attempt whose worker has ended, recorded in the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from lt_bench.config import RunConfig, to_dict
from lt_bench.conventions import RESULT_FILE, STATUS_FILE
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.results.result_file import load_result
from lt_bench.files import write_json
from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.job_status import Status, read_status
from lt_bench.jobs.snapshot import Snapshot
from lt_bench.search.attempt import Attempt
from lt_bench.search.shared_study import SharedStudy

Outcome = Literal["complete", "pruned", "failed", "again"]
"""Outcome of an attempt; ``again`` means that it was killed and will be retried."""
STOPPED = 143
"""Exit code of a worker that was asked to end."""


@dataclass
class RunningTrial:
    """An attempt and its worker."""

    attempt: Attempt
    folder: Path
    config: RunConfig
    task: Task
    seen: tuple[int, int] = (0, 0)
    """Time and size of the metrics file at the last check."""
    pruned: bool = False


@dataclass(frozen=True)
class Ended:
    """The end of an attempt."""

    attempt: Attempt
    folder: Path
    config: RunConfig
    status: Status
    outcome: Outcome


class Watcher(Protocol):
    """Receives the progress of a search."""

    def tick(self, snapshot: Snapshot) -> None:
        """Handle an update; called several times per second."""

    def begun(self, attempt: Attempt, config: RunConfig) -> None:
        """Handle an attempt that has begun."""

    def ended(self, ended: Ended) -> None:
        """Handle an attempt that has ended."""

    def recovered(self, numbers: Sequence[int]) -> None:
        """Handle trials of a killed command that will be retried."""

    def stopping(self, workers: int) -> None:
        """Handle an interrupt, with the number of workers that are asked to end."""


def settle(study: SharedStudy, one: RunningTrial, ending: Ending) -> Ended:
    """Record in the study how an attempt ended."""
    status, outcome = _settle(study, one, ending)
    return Ended(one.attempt, one.folder, one.config, status, outcome)


def _settle(study: SharedStudy, one: RunningTrial, ending: Ending) -> tuple[Status, Outcome]:
    status = read_status(one.folder)
    if one.pruned:
        study.prune(one.attempt)
        return replace(status, state="done"), "pruned"
    if ending.code == 0 and status.state == "done":
        return _complete(study, one, status)
    if status.state == "failed":
        study.fail(one.attempt, status.reason)
        return status, "failed"
    again = ending.code < 0 or ending.code == STOPPED
    if again:
        again = study.killed(one.attempt, ending.reason)
    else:
        study.fail(one.attempt, ending.reason)
    status = replace(status, state="failed", reason=ending.reason, eta=None)
    write_json(one.folder / STATUS_FILE, to_dict(status))
    return status, "again" if again else "failed"


def _complete(study: SharedStudy, one: RunningTrial, status: Status) -> tuple[Status, Outcome]:
    try:
        result = load_result(one.folder / RESULT_FILE)
        values = [objective.value(result) for objective in study.objectives]
    except LtBenchError as error:
        study.fail(one.attempt, str(error))
        return replace(status, state="failed", reason=str(error)), "failed"
    study.complete(one.attempt, values)
    return status, "complete"
