"""Tracking in a thread, which never delays a run and never stops it when a server fails.

The values to log are in the run's own files, which serve as the spool. Values that a server did not accept are read
from these files again, either by this thread when the server responds or by a rerun of the command.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lt_bench.tracking.mlflow_tracker import MlflowTracker
from lt_bench.tracking.record import RunRecord

EVERY = 5.0
"""Seconds between two updates of followed runs."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before a failed server is retried; the wait doubles."""
Make = Callable[[], RunRecord]


@dataclass(frozen=True)
class _Item:
    is_parent: bool
    record: RunRecord | None = None
    follow: tuple[str, Make] | None = None


class BackgroundTracker:
    """Accepts records immediately, logs them in order, and follows running children."""

    def __init__(self, tracker: MlflowTracker, every: float = EVERY, nested: bool = True) -> None:
        """Args: tracker to log with, seconds between two updates, and whether children have a parent run."""
        self.tracker, self.every = tracker, every
        self._log_child = tracker.log_child if nested else tracker.log_single
        self.problem = ""
        """Reason why some values are not logged, on one line, or empty. The values stay in the run's own files."""
        self._queue: queue.Queue[_Item | None] = queue.Queue()
        self._pending: dict[tuple[bool, str], RunRecord] = {}
        self._followed: dict[str, Make] = {}
        self._looked, self._again, self._wait = 0.0, 0.0, FIRST_WAIT
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def parent(self, record: RunRecord) -> None:
        """Log the parent run's record."""
        self._queue.put(_Item(True, record))

    def child(self, record: RunRecord) -> None:
        """Log a child run; stop following it unless it is still running."""
        self._queue.put(_Item(False, record))

    def follow(self, name: str, make: Make) -> None:
        """Log the result of ``make`` every few seconds, until the child with this name is logged as ended.

        ``make`` is called in the tracker's thread and reads the run's files.
        """
        self._queue.put(_Item(False, follow=(name, make)))

    def close(self, timeout: float | int | None = None) -> bool:
        """Wait until every record is logged or was retried once; return False after ``timeout`` seconds."""
        self._queue.put(None)
        return self.wait(timeout)

    def wait(self, timeout: float | int | None = None) -> bool:
        """Continue to wait after ``close``."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while self._take():
            self._look()
            if self._pending and time.monotonic() >= self._again:
                self._log_pending()
        self._log_pending()

    def _take(self) -> bool:
        """Take the available records, or wait briefly for one; return False when no more will come."""
        try:
            item = self._queue.get(timeout=min(self.every, 0.5))
            while True:
                if item is None:
                    return False
                self._accept(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return True

    def _accept(self, item: _Item) -> None:
        if item.follow:
            name, make = item.follow
            self._followed[name] = make
        if item.record:
            if not item.is_parent and not item.record.running:
                self._followed.pop(item.record.name, None)
            # The latest record of a run contains all earlier ones.
            self._pending[item.is_parent, item.record.name] = item.record

    def _look(self) -> None:
        if time.monotonic() - self._looked < self.every:
            return
        self._looked = time.monotonic()
        for name, make in self._followed.items():
            try:
                self._pending[False, name] = make()
            except Exception as error:  # noqa: BLE001 - unreadable files are read again later; the run continues
                self.problem = _one_line(error)

    def _log_pending(self) -> None:
        failed = False
        for key, record in list(self._pending.items()):
            try:
                (self.tracker.log_parent if key[0] else self._log_child)(record)
                del self._pending[key]
            except Exception as error:  # noqa: BLE001 - a server must not stop a run; the caller reports it
                self.problem, failed = _one_line(error), True
        self._wait = min(LONGEST_WAIT, 2 * self._wait) if failed else FIRST_WAIT
        self._again = time.monotonic() + self._wait if failed else 0.0
        if not failed:
            self.problem = ""


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
