"""Storage of a study, a journal file or a database, with heartbeats of the running trials."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial

from lt_bench.errors import LtBenchError
from lt_bench.search.journal import open_journal

JOURNAL = "study.journal"


class Heartbeats(Protocol):
    """Heartbeats of running trials."""

    def beat(self, trial_id: int) -> None:
        """Record that the trial is alive."""

    def stale(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Return the running trials without a recent heartbeat."""
        ...


class FileHeartbeats:
    """One file per trial whose modification time is the last heartbeat.

    Used with journal files, for which Optuna has no heartbeats. Times are those of the shared file system, so the
    clocks of the machines need not agree.
    """

    def __init__(self, folder: Path, grace: float | int) -> None:
        self.folder, self.grace = folder, grace

    def beat(self, trial_id: int) -> None:
        """Record that the trial is alive."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / str(trial_id)).touch()

    def stale(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Return the running trials without a recent heartbeat."""
        running = list(running)
        if not running:
            return []
        now = self._now()
        return [trial for trial in running if now - self._last(trial._trial_id, now) > self.grace]

    def _now(self) -> float:
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f"now-{os.getpid()}"
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink()
        return now

    def _last(self, trial_id: int, now: float) -> float:
        path = self.folder / str(trial_id)
        # Killed between claim and first sign, or the clock was put back since the last: the time runs from now.
        if not path.exists() or path.stat().st_mtime > now:
            path.touch()
        return path.stat().st_mtime


class DatabaseHeartbeats:
    """Optuna's heartbeats, in the database and by its clock."""

    def __init__(self, storage: RDBStorage, study: str) -> None:
        self.storage, self.study = storage, study

    def beat(self, trial_id: int) -> None:
        """Record that the trial is alive."""
        self.storage.record_heartbeat(trial_id)

    def stale(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Return the running trials without a recent heartbeat."""
        trials = {trial._trial_id: trial for trial in running}
        if not trials:
            return []
        study_id = self.storage.get_study_id_from_name(self.study)
        return [trials[i] for i in self.storage._get_stale_trial_ids(study_id) if i in trials]


def open_storage(url: str, out: Path, name: str, heartbeat: int, grace: int) -> tuple[BaseStorage, Heartbeats]:
    """Open or create the storage of a study.

    Args:
        url: address of a database; empty for ``out/study.journal``.
        out: folder of the search.
        name: name of the study.
        heartbeat: seconds between two heartbeats.
        grace: seconds without a heartbeat after which a trial counts as killed.

    Raises:
        LtBenchError: it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url:
        return _open_database(url, name, heartbeat, grace)
    out.mkdir(parents=True, exist_ok=True)
    path = out / JOURNAL
    try:
        storage = JournalStorage(open_journal(path))
    except (ValueError, KeyError) as error:
        raise LtBenchError(f"{path}: expected a journal of Optuna, got {type(error).__name__}: {error}") from None
    return storage, FileHeartbeats(out / f"{JOURNAL}.alive", grace)


def _open_database(url: str, name: str, heartbeat: int, grace: int) -> tuple[BaseStorage, Heartbeats]:
    import sqlalchemy.exc

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = RDBStorage(url, heartbeat_interval=heartbeat, grace_period=grace)
    except (ImportError, sqlalchemy.exc.SQLAlchemyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LtBenchError(f"key 'storage': expected the URL of a database that is there, got: {reason}") from None
    return storage, DatabaseHeartbeats(storage, name)
