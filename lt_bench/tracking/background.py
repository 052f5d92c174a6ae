"""Tracking in a thread: it never delays a run, and a server that fails never stops one."""

from __future__ import annotations

import queue
import threading

from lt_bench.tracking.mlflow_tracker import MlflowTracker
from lt_bench.tracking.record import RunRecord


class BackgroundTracker:
    """Takes records at once and logs them one after the other."""

    def __init__(self, tracker: MlflowTracker) -> None:
        self.tracker = tracker
        self.problem = ""
        """What went wrong first, on one line; nothing is logged after it. The values stay in the runs' own files."""
        self._queue: queue.Queue[tuple[bool, RunRecord] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def parent(self, record: RunRecord) -> None:
        """Log the parent run."""
        self._queue.put((True, record))

    def child(self, record: RunRecord) -> None:
        """Log a child run."""
        self._queue.put((False, record))

    def close(self, timeout: float | int | None = None) -> bool:
        """Wait until all is logged; False when ``timeout`` seconds were not enough."""
        self._queue.put(None)
        return self.wait(timeout)

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait on, after ``close``."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            is_parent, record = item
            if self.problem:
                continue
            try:
                (self.tracker.log_parent if is_parent else self.tracker.log_child)(record)
            except Exception as error:  # noqa: BLE001 - whatever a server does, the runs go on; the caller says so
                self.problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
