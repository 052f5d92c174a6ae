"""The lock of a study's journal, which a killed command lets go, and which mends what it left half-written."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from lt_bench.locks import lock


class SystemLock(JournalFileSymlinkLock):
    """The system's lock on a file beside the journal.

    Optuna's own locks are files that stay when their holder is killed: the next command then waits for half a minute,
    or, where the path is relative, for ever.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self.journal, self.path = journal, journal.with_name(f"{journal.name}.flock")
        self._mine = threading.Lock()
        self._handle = -1

    def acquire(self) -> bool:
        """Wait for the lock; the journal then has whole lines only."""
        self._mine.acquire()
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            lock(self._handle, self.path.parent, wait=True)
            mend(self.journal)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Let go."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
        self._mine.release()


def mend(journal: Path) -> None:
    """Cut off a line that was not written to its end, as on a full disk; what came after it would be lost with it."""
    with journal.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        if not end:
            return
        stream.seek(end - 1)
        if stream.read(1) != b"\n":
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)


def open_journal(path: Path) -> JournalFileBackend:
    """Optuna's journal with this lock; made where there is none."""
    lock = SystemLock(path)
    backend = JournalFileBackend(str(path), lock_obj=lock)
    lock.acquire()  # which mends it before it is read
    lock.release()
    return backend
