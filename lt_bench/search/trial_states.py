"""Where the trials of a search stand, for whoever shows it."""

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
    """Whether so many trials have ended, by whichever command."""
    return len(trials) >= total and all(trial.state in FINISHED for trial in trials[:total])


def snapshot(
    trials: Sequence[FrozenTrial],
    total: int,
    running: Sequence[RunningTrial],
    ended: Mapping[int, Status],
    workers: int,
    note: str,
) -> Snapshot:
    """Every trial that is begun or to come.

    Args:
        trials: the study's, the latest attempt at each.
        total: how many there will be.
        running: those of this command.
        ended: by number, how those that this command ran went.
        workers: trials side by side.
        note: shown beside.
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
