"""Run the trials of a study, some side by side, beside other commands that do the same."""

from __future__ import annotations

import csv
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from optuna.trial import FrozenTrial, TrialState

from lt_bench.config import RunConfig, to_dict, to_yaml
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.results import load_result
from lt_bench.files import write_json, write_text
from lt_bench.jobs.estimate import time_left
from lt_bench.jobs.folder import CONFIG_FILE, METRICS_FILE, MODEL_FILE, RESULT_FILE, check_folder
from lt_bench.jobs.launch import ending, start_worker, stop_workers, worker_environment
from lt_bench.jobs.snapshot import Snapshot
from lt_bench.jobs.status import STATUS_FILE, Status, read_status
from lt_bench.search.plan import SearchPlan
from lt_bench.search.space import trial_config
from lt_bench.search.study import Attempt, SharedStudy, origin_of

POLL = 0.2
"""Seconds between two looks at the workers."""
ASK_AGAIN = 2.0
"""Seconds between two looks for trials that other commands let go."""
READ_AGAIN = 1.0
"""Seconds between two readings of the study for display."""
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Ended:
    """How an attempt ended."""

    attempt: Attempt
    folder: Path
    config: RunConfig
    status: Status
    outcome: str
    """complete, pruned, failed, or again (it was killed and will be tried again)."""


class Watcher(Protocol):
    """Is told how a search goes."""

    def tick(self, snapshot: Snapshot) -> None:
        """Called several times a second."""

    def begun(self, attempt: Attempt, config: RunConfig) -> None:
        """An attempt has begun."""

    def ended(self, ended: Ended) -> None:
        """An attempt has ended."""

    def recovered(self, numbers: Sequence[int]) -> None:
        """These trials of a killed command will be tried again."""

    def stopping(self, workers: int) -> None:
        """The search was interrupted, and so many workers are asked to end."""


@dataclass(frozen=True)
class Resources:
    """What workers may use."""

    workers: int
    cores: int
    gpus: tuple[str, ...] = ()
    """For each worker in turn, as CUDA_VISIBLE_DEVICES names them."""


@dataclass(frozen=True)
class _Name:
    name: str


@dataclass
class _Running:
    attempt: Attempt
    slot: int
    folder: Path
    config: RunConfig
    process: subprocess.Popen[bytes]
    seen: tuple[int, int] = (0, 0)
    """Time and size of the metrics file at the last look."""
    pruned: bool = False


@dataclass
class SearchRunner:
    """Runs trials until the study has all of them."""

    plan: SearchPlan
    study: SharedStudy
    resources: Resources
    watcher: Watcher
    running: list[_Running] = field(default_factory=list)
    _beaten: float = 0.0
    _asked: float = 0.0
    _read: float = 0.0
    _trials: list[FrozenTrial] = field(default_factory=list)
    _finished: dict[int, Status] = field(default_factory=dict)

    def run(self) -> None:
        """Run until every trial of the study is finished, by this command or another.

        Raises:
            KeyboardInterrupt: the workers have ended; their trials wait for the next command.
        """
        try:
            while True:
                self._keep_alive()
                self._fill()
                self._read_study()
                self.watcher.tick(self._snapshot(self._trials))
                if not self.running and self._all_finished(self._trials):
                    return
                time.sleep(POLL)
                self._look()
        except KeyboardInterrupt:
            self.watcher.stopping(len(self.running))
            raise
        finally:
            stop_workers([one.process for one in self.running])
            for one in self.running:
                self.study.release(one.attempt)

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._beaten < self.plan.config.heartbeat:
            return
        self._beaten = now
        for one in list(self.running):
            if self.study.owns(one.attempt):
                self.study.heartbeats.beat(one.attempt.trial._trial_id)
            else:  # this command slept for so long that another took the trial over
                stop_workers([one.process])
                self.running.remove(one)
        recovered = self.study.recover()
        if recovered:
            self.watcher.recovered(recovered)

    def _read_study(self) -> None:
        if time.monotonic() - self._read >= READ_AGAIN:
            self._trials, self._read = self.study.latest(), time.monotonic()

    def _fill(self) -> None:
        if len(self.running) >= self.resources.workers or time.monotonic() < self._asked:
            return
        while len(self.running) < self.resources.workers:
            attempt = self.study.claim(self.plan.config.trials)
            if attempt is None:
                self._asked = time.monotonic() + ASK_AGAIN
                return
            self._start(attempt)

    def _start(self, attempt: Attempt) -> None:
        folder = self.plan.folder(attempt.origin)
        config = trial_config(self.plan.base, attempt.values)
        try:
            prepare_folder(folder, config, self.plan.checkpoint)
        except LtBenchError as error:
            self.study.fail(attempt, str(error))
            self.watcher.ended(Ended(attempt, folder, config, Status(state="failed", reason=str(error)), "failed"))
            return
        taken = {one.slot for one in self.running}
        slot = next(k for k in range(self.resources.workers) if k not in taken)
        variables = worker_environment(slot, self.resources.workers, self.resources.cores, self.resources.gpus)
        self.running.append(_Running(attempt, slot, folder, config, start_worker(folder, variables)))
        self.watcher.begun(attempt, config)

    def _look(self) -> None:
        for one in list(self.running):
            if self.plan.config.pruner.name != "none":
                self._report(one)
            if one.process.poll() is None:
                continue
            self.running.remove(one)
            ended = self._end(one)
            self._finished[one.attempt.origin], self._read = ended.status, 0.0
            self.watcher.ended(ended)

    def _report(self, one: _Running) -> None:
        path = one.folder / METRICS_FILE
        if one.pruned or not path.exists():
            return
        now = path.stat()
        if (now.st_mtime_ns, now.st_size) == one.seen:
            return
        one.seen = (now.st_mtime_ns, now.st_size)
        for step, loss in validation_losses(path):
            if self.study.report(one.attempt, step, loss) and step < one.config.train.steps:
                one.pruned = True
                stop_workers([one.process])
                return

    def _end(self, one: _Running) -> Ended:
        status, code = read_status(one.folder), one.process.returncode
        if one.pruned:
            self.study.prune(one.attempt)
            return self._ended(one, replace(status, state="done"), "pruned")
        if code == 0 and status.state == "done":
            return self._complete(one, status)
        if status.state == "failed":
            self.study.fail(one.attempt, status.reason)
            return self._ended(one, status, "failed")
        reason = ending(code)
        again = code < 0 or code == 143
        if again:
            again = self.study.killed(one.attempt, reason)
        else:
            self.study.fail(one.attempt, reason)
        status = replace(status, state="failed", reason=reason, eta=None)
        write_json(one.folder / STATUS_FILE, to_dict(status))
        return self._ended(one, status, "again" if again else "failed")

    def _complete(self, one: _Running, status: Status) -> Ended:
        try:
            result = load_result(one.folder / RESULT_FILE)
            values = [objective.value(result) for objective in self.study.objectives]
        except LtBenchError as error:
            status = replace(status, state="failed", reason=str(error))
            self.study.fail(one.attempt, str(error))
            return self._ended(one, status, "failed")
        self.study.complete(one.attempt, values)
        return self._ended(one, status, "complete")

    def _ended(self, one: _Running, status: Status, outcome: str) -> Ended:
        return Ended(one.attempt, one.folder, one.config, status, outcome)

    def _all_finished(self, trials: Sequence[FrozenTrial]) -> bool:
        mine = trials[: self.plan.config.trials]
        return len(mine) >= self.plan.config.trials and all(trial.state in FINISHED for trial in mine)

    def _snapshot(self, trials: Sequence[FrozenTrial]) -> Snapshot:
        total = self.plan.config.trials
        names = [_Name(f"trial {origin_of(t)}") for t in trials[:total]]
        names += [_Name("") for _ in range(total - len(names))]
        mine = {one.attempt.origin: one for one in self.running}
        running = tuple(origin_of(t) in mine for t in trials[:total]) + (False,) * (total - len(trials[:total]))
        statuses = [self._status(t, mine) for t in trials[:total]] + [Status()] * (total - len(trials[:total]))
        left = time_left(statuses, running, self.resources.workers)
        return Snapshot(names, tuple(statuses), running, left, note=self.study.note(trials))

    def _status(self, trial: FrozenTrial, mine: dict[int, _Running]) -> Status:
        origin = origin_of(trial)
        if origin in mine:
            return read_status(mine[origin].folder)
        if trial.state not in FINISHED:
            return Status()
        known = self._finished.get(origin)
        return known if known and known.state in ("done", "failed") else Status(state="done")


def prepare_folder(folder: Path, config: RunConfig, checkpoint: Path | None) -> None:
    """Make a trial's folder ready for its worker; what an earlier attempt made there stays.

    Raises:
        LtBenchError: the folder was made with another configuration.
    """
    check_folder(folder, config)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG_FILE, to_yaml(config))
    model = folder / MODEL_FILE
    if checkpoint is not None and not model.exists():
        # A model that is there already is not trained again.
        model.unlink(missing_ok=True)
        model.symlink_to(os.path.relpath(checkpoint.resolve(), folder.resolve()))
    # The status of an earlier attempt must not be taken for this one's.
    write_json(folder / STATUS_FILE, to_dict(replace(read_status(folder), state="pending", reason="", eta=None)))


def validation_losses(path: Path) -> list[tuple[int, float]]:
    """Steps and validation losses of a run's curve so far."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("validation_loss")]
    return [(int(row["step"]), float(row["validation_loss"])) for row in rows]
