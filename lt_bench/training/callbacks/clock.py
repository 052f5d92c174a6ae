"""The time that training takes, without what is done between its steps to watch it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingClock:
    """Seconds of wall time; stands still before ``go_on`` and after ``stop``."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """So far, those of ``set`` among them."""
        return self._counted + (0.0 if self._since is None else time.perf_counter() - self._since)

    def set(self, seconds: float) -> None:
        """Count from so many on: those of the run that this one goes on from."""
        self._counted = seconds

    def go_on(self) -> None:
        """Run, if it does not."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Stand still, if it does not."""
        self._counted, self._since = self.seconds, None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stand still in the block."""
        self.stop()
        try:
            yield
        finally:
            self.go_on()
