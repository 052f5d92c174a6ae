"""Progress of the trials of a search, for displays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from lt_bench.jobs.job_status import Status, read_status
from lt_bench.jobs.remaining_time import time_left
from lt_bench.jobs.snapshot import Snapshot
from lt_bench.search.attempt import place_of
from lt_bench.search.trial_outcome import RunningTrial

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class _Name:
    name: str


def all_finished(trials: Sequence[FrozenTrial], total: int) -> bool:
    """Return whether this number of trials has ended, in any command."""
    return len(trials) >= total and all(trial.state in FINISHED for trial in trials[:total])


def snapshot(
    trials: Sequence[FrozenTrial],
    total: int,
    running: Sequence[RunningTrial],
    ended: Mapping[int, Status],
    workers: int,
    note: str,
) -> Snapshot:
    """Return the status of every trial, including those not begun.

    Args:
        trials: the latest attempt at each trial of the study.
        total: number of trials in all.
        running: trials of this command.
        ended: ends of this command's trials, by number.
        workers: number of parallel trials.
        note: additional text.
    """
    begun, to_come = trials[:total], total - len(trials[:total])
    mine = {one.attempt.place: one for one in running}
    names = [_Name(f"trial {place_of(t)}") for t in begun] + [_Name("")] * to_come
    runs = tuple(place_of(t) in mine for t in begun) + (False,) * to_come
    statuses = [_status(t, mine, ended) for t in begun] + [Status()] * to_come
    return Snapshot(names, tuple(statuses), runs, time_left(statuses, runs, workers), note=note)


def _status(trial: FrozenTrial, mine: Mapping[int, RunningTrial], ended: Mapping[int, Status]) -> Status:
    place = place_of(trial)
    if place in mine:
        return read_status(mine[place].folder)
    if trial.state not in FINISHED:
        return Status()
    known = ended.get(place)
    return known if known and known.state in ("done", "failed") else Status(state="done")
