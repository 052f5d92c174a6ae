"""Running the trials of a study in parallel, together with other commands on the same study."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from optuna.trial import FrozenTrial

from lt_bench.config import RunConfig
from lt_bench.conventions import METRICS_FILE
from lt_bench.errors import LtBenchError, WriteError
from lt_bench.jobs.engines.base import Ending, Engine
from lt_bench.jobs.job_status import Status, read_status
from lt_bench.jobs.launch import NO_ROOM
from lt_bench.jobs.polling_runner import PollingRunner
from lt_bench.search.attempt import Attempt, place_of
from lt_bench.search.search_plan import SearchPlan
from lt_bench.search.shared_study import SharedStudy
from lt_bench.search.space import trial_config
from lt_bench.search.trial_folder import lend_result, prepare_folder, validation_losses
from lt_bench.search.trial_outcome import Ended, RunningTrial, Watcher, settle
from lt_bench.search.trial_states import all_finished, snapshot

ASK_AGAIN = 2.0
"""Seconds between two checks for trials that other commands released."""
READ_AGAIN = 1.0
"""Seconds between two reads of the study for the display."""


@dataclass
class SearchRunner(PollingRunner[RunningTrial]):
    """Runs trials until every trial of the study is finished, by this command or another.

    An interrupt, or a worker that cannot write its files (``WriteError``), ends the run; its trials wait for the next
    command.
    """

    plan: SearchPlan
    study: SharedStudy
    engine: Engine
    watcher: Watcher
    running: list[RunningTrial] = field(default_factory=list)
    _beaten: float = 0.0
    _asked: float = 0.0
    _read: float = 0.0
    _trials: list[FrozenTrial] = field(default_factory=list)
    _ended: dict[int, Status] = field(default_factory=dict)

    def is_finished(self) -> bool:
        """Return whether the study has all of its trials."""
        return all_finished(self._trials, self.plan.config.trials)

    def notify_stopping(self) -> None:
        """Tell the watcher that the workers are stopped."""
        self.watcher.stopping(len(self.running))

    def release(self, one: RunningTrial) -> None:
        """Leave a stopped trial to the next command."""
        self.study.release(one.attempt)

    def prepare(self) -> None:
        """Send heartbeats to other commands, and take over the trials of commands without one."""
        now = time.monotonic()
        if now - self._beaten < self.plan.config.heartbeat:
            return
        self._beaten = now
        for one in list(self.running):
            if self.study.owns(one.attempt):
                self.study.heartbeats.beat(one.attempt.trial._trial_id)
            else:  # this command slept for so long that another took the trial over
                self.engine.stop([one.task])
                self.running.remove(one)
        recovered = self.study.recover()
        if recovered:
            self.watcher.recovered(recovered)

    def show(self) -> None:
        """Show the progress of the whole study."""
        if time.monotonic() - self._read >= READ_AGAIN:
            self._trials, self._read = self.study.latest(), time.monotonic()
        total, note = self.plan.config.trials, self.study.note(self._trials)
        self.watcher.tick(snapshot(self._trials, total, self.running, self._ended, self.engine.workers, note))

    def start_next(self) -> bool:
        """Claim a trial and start it; return False if all are taken, and then wait before the next claim."""
        if time.monotonic() < self._asked:
            return False
        attempt = self.study.claim(self.plan.config.trials)
        if attempt is None:
            self._asked = time.monotonic() + ASK_AGAIN
            return False
        self._start(attempt)
        return True

    def _start(self, attempt: Attempt) -> None:
        folder = self.plan.folder(attempt.place)
        config = trial_config(self.plan.base, attempt.values)
        try:
            prepare_folder(folder, config, self.plan.checkpoint)
            if self._lent(attempt, folder, config):
                return
        except LtBenchError as error:
            self.study.fail(attempt, str(error))
            self.watcher.ended(Ended(attempt, folder, config, Status(state="failed", reason=str(error)), "failed"))
            return
        self.running.append(RunningTrial(attempt, folder, config, self.engine.start(folder)))
        self.watcher.begun(attempt, config)

    def _lent(self, attempt: Attempt, folder: Path, config: RunConfig) -> bool:
        """Take the result of a complete trial of the same values, because running it again would give the same."""
        equal = self.study.equal(attempt)
        if equal is None or not lend_result(self.plan.folder(place_of(equal)), folder):
            return False
        self.study.complete(attempt, equal.values, place_of(equal))
        self._ended[attempt.place], self._read = read_status(folder), 0.0
        self.watcher.ended(Ended(attempt, folder, config, self._ended[attempt.place], "complete"))
        return True

    def look(self, one: RunningTrial) -> None:
        """Report new losses to the pruner."""
        if self.plan.config.pruner.name != "none":
            self._report(one)

    def react(self, one: RunningTrial, ending: Ending) -> None:
        """Record in the study how a trial ended.

        Raises:
            WriteError: its worker could not write its files; the trial waits for a command that can.
        """
        if ending.code in NO_ROOM:
            self.study.release(one.attempt)
            raise WriteError(f"trial {one.attempt.place}: {read_status(one.folder).reason or ending.reason}")
        ended = settle(self.study, one, ending)
        self._ended[one.attempt.place], self._read = ended.status, 0.0
        self.watcher.ended(ended)

    def _report(self, one: RunningTrial) -> None:
        """Report new losses to the study, and stop a trial that it prunes."""
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
                self.engine.stop([one.task])
                return
