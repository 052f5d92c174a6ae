"""Attempts at a trial, and their records in the storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from lt_bench.search.trial_objective import Objective

REASON = "reason"
SURPLUS = "surplus"
"""Trial attribute of an attempt in excess, because two commands began the last trial at once."""
KILLS = "kills"
PLACE = "place"
"""Trial attribute with the number of trials begun before it, without repeated attempts."""
# Optuna's names, by which its own tools know a trial that is tried again.
ORIGIN, HISTORY = "failed_trial", "retry_history"


@dataclass(frozen=True)
class Attempt:
    """A trial that this command runs now."""

    trial: Trial
    place: int
    """Number of trials begun before it, which names the trial independently of repeated attempts."""
    values: dict[str, Any]
    """Values by dotted key."""

    @property
    def name(self) -> str:
        """Name in displays and tracking."""
        return f"trial {self.place}"


def suggest(trial: Trial, key: str, values: BaseDistribution) -> Any:
    """Return a value for one key; a repeated attempt gets that of the first."""
    if isinstance(values, CategoricalDistribution):
        return trial.suggest_categorical(key, values.choices)
    if isinstance(values, IntDistribution):
        return trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log)
    assert isinstance(values, FloatDistribution)
    return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether ``one`` is nowhere worse and somewhere better; both are minimized."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def origin_of(trial: FrozenTrial) -> int:
    """Return Optuna's number of the trial that this one repeats; its own for a first attempt."""
    return trial.system_attrs.get(ORIGIN, trial.number)


def place_of(trial: FrozenTrial) -> int:
    """Return the place that names a trial."""
    return trial.user_attrs.get(PLACE, origin_of(trial))


def place_among(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return the place of a trial among all trials of a study; every command computes the same one."""
    return [origin_of(t) for t in latest_attempts(trials)].index(origin_of(trial))


def latest_attempts(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the last attempt at each trial, in the order of the first attempts."""
    last: dict[int, FrozenTrial] = {}
    for trial in trials:
        if SURPLUS not in trial.user_attrs:
            last[origin_of(trial)] = trial
    return [last[number] for number in sorted(last)]


def best_trials(trials: Sequence[FrozenTrial], objectives: Sequence[Objective]) -> list[FrozenTrial]:
    """Return the best complete trial, or with several objectives the Pareto front ordered by the first objective."""
    whole = [t for t in trials if t.state == TrialState.COMPLETE]
    signs = [1.0 if objective.direction == "minimize" else -1.0 for objective in objectives]
    losses = {t.number: tuple(s * v for s, v in zip(signs, t.values, strict=True)) for t in whole}
    if len(signs) == 1:
        return sorted(whole, key=lambda t: losses[t.number])[:1]
    front = [t for t in whole if not any(dominates(other, losses[t.number]) for other in losses.values())]
    return sorted(front, key=lambda t: losses[t.number])
