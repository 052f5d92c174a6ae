"""A study that several commands share: each trial is run by one of them, up to a total number."""

from __future__ import annotations

import socket
import uuid
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from lt_bench.config.free_keys import HARDWARE_KEYS
from lt_bench.errors import ConfigError
from lt_bench.search.attempt import (
    HISTORY,
    KILLS,
    ORIGIN,
    PLACE,
    REASON,
    SURPLUS,
    Attempt,
    best_trials,
    latest_attempts,
    origin_of,
    place_among,
    place_of,
    suggest,
)
from lt_bench.search.storage import Heartbeats
from lt_bench.search.trial_objective import Objective

FACTS = "facts"
"""Study attribute with the facts that identify the study, so that another search is refused."""
KEY = "key"
"""Study attribute with a random name that no other study has."""
LENDER = "values of trial"
"""Trial attribute with the place of the equal trial that its values were taken from."""


class SharedStudy:
    """An Optuna study with the rules by which commands share it."""

    def __init__(
        self,
        name: str,
        storage: BaseStorage,
        heartbeats: Heartbeats,
        objectives: Sequence[Objective],
        space: Mapping[str, BaseDistribution],
        sampler: BaseSampler,
        pruner: BasePruner,
        retries: int,
    ) -> None:
        """Open the study, or create it.

        Raises:
            ConfigError: the storage has a study of this name with other objectives.
        """
        self.heartbeats, self.objectives, self.space, self.retries = heartbeats, tuple(objectives), dict(space), retries
        self.study = optuna.create_study(
            study_name=name,
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            directions=[objective.direction for objective in objectives],
            load_if_exists=True,
        )
        self._storage = storage
        wanted = [objective.direction for objective in objectives]
        if [direction.name.lower() for direction in self.study.directions] != wanted:
            raise ConfigError(f"study '{name}': expected {len(wanted)} objectives to {', '.join(wanted)}, got others")

    def check_facts(self, facts: Mapping[str, Any]) -> None:
        """Store the facts that identify the study, or refuse a command with other facts.

        Raises:
            ConfigError: names the first key that differs.
        """
        known = self.study.user_attrs.get(FACTS)
        if known is None:
            self.study.set_user_attr(KEY, uuid.uuid4().hex)
            self.study.set_user_attr(FACTS, dict(facts))
            return
        for key in sorted(known.keys() | facts.keys()):
            left_open = key in HARDWARE_KEYS and "auto" in (known.get(key), facts.get(key))
            if not left_open and known.get(key) != facts.get(key):
                raise ConfigError(
                    f"study '{self.study.study_name}': expected {key}: {facts.get(key)!r}, got a study with {key}: "
                    f"{known.get(key)!r}; choose another name and out"
                )

    @property
    def key(self) -> str:
        """Random name that no other study has."""
        return self.study.user_attrs[KEY]

    def latest(self, trials: Sequence[FrozenTrial] | None = None) -> list[FrozenTrial]:
        """Return the last attempt at each trial, in the order of the first attempts."""
        return latest_attempts(self.study.get_trials(deepcopy=False) if trials is None else trials)

    def claim(self, total: int) -> Attempt | None:
        """Begin a new or waiting trial, suggested here; None if ``total`` trials have begun and none waits."""
        trials = self.study.get_trials(deepcopy=False)
        waiting = any(trial.state == TrialState.WAITING for trial in trials)
        if not waiting and len(self.latest(trials)) >= total:
            return None
        with warnings.catch_warnings():
            # Signs of life are given by the command's own loop.
            warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed to be used")
            trial = self.study.ask()
        self.heartbeats.beat(trial._trial_id)
        found = self.study.get_trials(deepcopy=False)
        place = place_among(found[trial.number], found)
        if origin_of(found[trial.number]) == trial.number and place >= total:
            # Another command began the last trial at the same moment. Both see the same order, so one of them lets go.
            trial.set_user_attr(SURPLUS, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_user_attr("host", socket.gethostname())
        trial.set_user_attr(PLACE, place)
        return Attempt(trial, place, {key: suggest(trial, key, values) for key, values in self.space.items()})

    def owns(self, attempt: Attempt) -> bool:
        """Return whether no other command has taken over the trial in the meantime."""
        return self._storage.get_trial(attempt.trial._trial_id).state == TrialState.RUNNING

    def best(self, trials: Sequence[FrozenTrial] | None = None) -> list[FrozenTrial]:
        """Return the best trial, or with several objectives the Pareto front ordered by the first objective."""
        return best_trials(self.latest(trials), self.objectives)

    def note(self, trials: Sequence[FrozenTrial]) -> str:
        """Return a short text on the progress of the search."""
        best = self.best(trials)
        if not best:
            return ""
        names = [objective.name for objective in self.objectives]
        if len(names) > 1:
            return f"{len(best)} on the Pareto front"
        return f"best {names[0]} {best[0].values[0]:.4g} (trial {place_of(best[0])})"

    def equal(self, attempt: Attempt) -> FrozenTrial | None:
        """Return the first complete trial of the same values, which is the same run; None if there is none."""
        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return next((trial for trial in complete if trial.params == attempt.values), None)

    def report(self, attempt: Attempt, step: int, loss: float) -> bool:
        """Store a validation loss; return True if the trial should be pruned. Only for studies with one objective."""
        sign = -1.0 if self.objectives[0].direction == "maximize" else 1.0  # pruners go the way of the objective
        known = self._storage.get_trial(attempt.trial._trial_id).intermediate_values
        if step not in known:
            attempt.trial.report(sign * loss, step)
        return attempt.trial.should_prune()

    def complete(self, attempt: Attempt, values: Sequence[float], lender: int | None = None) -> None:
        """Store the values of a trial, with the place of the equal trial if they were taken from one."""
        if lender is not None:
            attempt.trial.set_user_attr(LENDER, lender)
        self.study.tell(attempt.trial, list(values), skip_if_finished=True)

    def prune(self, attempt: Attempt) -> None:
        """Mark a trial as pruned."""
        self.study.tell(attempt.trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, attempt: Attempt, reason: str) -> None:
        """Mark a trial as failed; the study continues."""
        self._fail(attempt.trial._trial_id, reason)

    def killed(self, attempt: Attempt, reason: str) -> bool:
        """Record that the trial's process was killed; return True if it will be retried."""
        return self._end_killed(self._storage.get_trial(attempt.trial._trial_id), reason)

    def release(self, attempt: Attempt) -> None:
        """Return a trial to the study when the command stops; the attempt does not count."""
        frozen = self._storage.get_trial(attempt.trial._trial_id)
        if self._fail(frozen._trial_id, "interrupted"):
            self._requeue(frozen, kills=frozen.user_attrs.get(KILLS, 0))

    def recover(self) -> list[int]:
        """Find trials whose command was killed and queue them again; return their numbers."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        stale = self.heartbeats.stale(running)
        return [
            place_of(t) for t in stale if self._end_killed(t, f"no sign of life from {t.user_attrs.get('host', '?')}")
        ]

    def _end_killed(self, trial: FrozenTrial, reason: str) -> bool:
        kills = trial.user_attrs.get(KILLS, 0) + 1
        if not self._fail(trial._trial_id, reason):
            return False
        if kills > self.retries:
            return False
        self._requeue(trial, kills)
        return True

    def _fail(self, trial_id: int, reason: str) -> bool:
        """Mark a trial as failed; return False if another command has ended it already."""
        try:
            self._storage.set_trial_user_attr(trial_id, REASON, reason)
            self._storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def _requeue(self, trial: FrozenTrial, kills: int) -> None:
        place = {PLACE: trial.user_attrs[PLACE]} if PLACE in trial.user_attrs else {}
        self.study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={KILLS: kills, **place},
                system_attrs={ORIGIN: origin_of(trial), HISTORY: [*trial.system_attrs.get(HISTORY, []), trial.number]},
                intermediate_values=trial.intermediate_values,
            )
        )
