"""Lock of a study's journal that is released when a command is killed, and that repairs incomplete lines."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from lt_bench.locks import lock


class SystemLock(JournalFileSymlinkLock):
    """A lock of the operating system on a file next to the journal.

    Optuna's own locks are files that remain when their holder is killed. The next command then waits for half a minute,
    or forever if the path is relative.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self.journal, self.path = journal, journal.with_name(f"{journal.name}.flock")
        self._mine = threading.Lock()
        self._handle = -1

    def acquire(self) -> bool:
        """Wait for the lock; the journal then has complete lines only."""
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
        """Release the lock."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
        self._mine.release()


def mend(journal: Path) -> None:
    """Cut off an incomplete last line, as left by a full disk; text after it would be lost with it."""
    with journal.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        if not end:
            return
        stream.seek(end - 1)
        if stream.read(1) != b"\n":
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)


def open_journal(path: Path) -> JournalFileBackend:
    """Open Optuna's journal with this lock; it is created if it does not exist."""
    lock = SystemLock(path)
    backend = JournalFileBackend(str(path), lock_obj=lock)
    lock.acquire()  # which mends it before it is read
    lock.release()
    return backend
