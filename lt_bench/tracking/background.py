"""Tracking in a thread: it never delays a run, and a server that fails or goes away never stops one.

What is to be logged stands in the runs' own files, so those are the spool: what a server did not take is read from them
again, by this thread as soon as the server answers, or by the same command typed again.
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
"""Seconds between two looks at runs that are followed."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before a server that failed is tried again; the wait doubles."""
Make = Callable[[], RunRecord]


@dataclass(frozen=True)
class _Item:
    is_parent: bool
    record: RunRecord | None = None
    follow: tuple[str, Make] | None = None


class BackgroundTracker:
    """Takes records at once and logs them one after the other; runs that go on are followed."""

    def __init__(self, tracker: MlflowTracker, every: float = EVERY, nested: bool = True) -> None:
        """Args: where to log, seconds between two looks, and whether children have a parent run."""
        self.tracker, self.every = tracker, every
        self._log_child = tracker.log_child if nested else tracker.log_single
        self.problem = ""
        """Why not everything is logged, on one line; empty when it is. The values stay in the runs' own files."""
        self._queue: queue.Queue[_Item | None] = queue.Queue()
        self._pending: dict[tuple[bool, str], RunRecord] = {}
        self._followed: dict[str, Make] = {}
        self._looked, self._again, self._wait = 0.0, 0.0, FIRST_WAIT
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def parent(self, record: RunRecord) -> None:
        """Log the parent run."""
        self._queue.put(_Item(True, record))

    def child(self, record: RunRecord) -> None:
        """Log a child run; it is followed no more, unless it goes on."""
        self._queue.put(_Item(False, record))

    def follow(self, name: str, make: Make) -> None:
        """Log what ``make`` returns every few seconds, until the child of this name is logged as ended.

        ``make`` is called in the tracker's thread, and reads the run's files.
        """
        self._queue.put(_Item(False, follow=(name, make)))

    def close(self, timeout: float | int | None = None) -> bool:
        """Wait until all is logged or was tried once more; False when ``timeout`` seconds were not enough."""
        self._queue.put(None)
        return self.wait(timeout)

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait on, after ``close``."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while self._take():
            self._look()
            if self._pending and time.monotonic() >= self._again:
                self._log_pending()
        self._log_pending()

    def _take(self) -> bool:
        """Take what is there, or wait a little for something; False when no more will come."""
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
            # The latest record of a run holds all that earlier ones held.
            self._pending[item.is_parent, item.record.name] = item.record

    def _look(self) -> None:
        if time.monotonic() - self._looked < self.every:
            return
        self._looked = time.monotonic()
        for name, make in self._followed.items():
            try:
                self._pending[False, name] = make()
            except Exception as error:  # noqa: BLE001 - files that cannot be read now are read again; the run goes on
                self.problem = _one_line(error)

    def _log_pending(self) -> None:
        failed = False
        for key, record in list(self._pending.items()):
            try:
                (self.tracker.log_parent if key[0] else self._log_child)(record)
                del self._pending[key]
            except Exception as error:  # noqa: BLE001 - whatever a server does, the runs go on; the caller says so
                self.problem, failed = _one_line(error), True
        self._wait = min(LONGEST_WAIT, 2 * self._wait) if failed else FIRST_WAIT
        self._again = time.monotonic() + self._wait if failed else 0.0
        if not failed:
            self.problem = ""


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
