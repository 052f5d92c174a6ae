"""Estimate of the remaining time of jobs, from the reports of their workers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from lt_bench.jobs.job_status import PHASES, Status


@dataclass(frozen=True)
class Estimate:
    """Remaining time."""

    seconds: float | None
    """Remaining seconds; None while nothing is known."""
    at_least: bool
    """Whether phases of unknown length are left out, so that the estimate is a lower bound."""


def time_left(statuses: Sequence[Status], running: Sequence[bool], workers: int) -> Estimate:
    """Estimate the time until every job is done or failed.

    The length of a phase is the mean over the jobs that have finished it, or else over those in it. Waiting jobs go to
    the worker that is free first.

    Args:
        statuses: status of every job, in the order of their start.
        running: whether each job has a worker now; the others wait, unless they are done or failed.
        workers: number of parallel jobs.
    """
    lengths = {phase: _length(phase, statuses) for phase in PHASES}
    if all(length is None for length in lengths.values()):
        return Estimate(None, True)
    left = [_job_left(status, lengths) for status in statuses]
    busy = [seconds for seconds, runs in zip(left, running, strict=True) if runs]
    free = busy + [0.0] * max(0, workers - len(busy))
    heapq.heapify(free)
    for status, runs, seconds in zip(statuses, running, left, strict=True):
        if not runs and status.state not in ("done", "failed"):
            heapq.heappush(free, heapq.heappop(free) + seconds)
    unknown = any(length is None for length in lengths.values())
    return Estimate(max(free, default=0.0), unknown and any(seconds > 0 for seconds in left))


def _length(phase: str, statuses: Sequence[Status]) -> float | None:
    finished = [s.seconds[phase] for s in statuses if phase in s.seconds and _is_past(phase, s)]
    if finished:
        return sum(finished) / len(finished)
    begun = [
        s.seconds[phase] + s.eta for s in statuses if s.state == phase and phase in s.seconds and s.eta is not None
    ]
    return sum(begun) / len(begun) if begun else None


def _is_past(phase: str, status: Status) -> bool:
    if status.state == "done":
        return True
    return status.state in PHASES and PHASES.index(status.state) > PHASES.index(phase)  # type: ignore[arg-type]


def _job_left(status: Status, lengths: dict[str, float | None]) -> float:
    if status.state in ("done", "failed"):
        return 0.0
    at = PHASES.index(status.state) if status.state in PHASES else 0
    later = sum(lengths[phase] or 0.0 for phase in PHASES[at + 1 :])
    if status.eta is not None:
        return status.eta + later
    share = 1.0 - (status.step / status.steps if status.steps else 0.0)
    return (lengths[PHASES[at]] or 0.0) * share + later
