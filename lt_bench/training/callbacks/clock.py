"""A clock of the training time that excludes validation and other work between steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingClock:
    """Seconds of wall time; paused before ``go_on`` and after ``stop``."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds so far, including those of ``set``."""
        return self._counted + (0.0 if self._since is None else time.perf_counter() - self._since)

    def set(self, seconds: float) -> None:
        """Start from the seconds of the resumed run."""
        self._counted = seconds

    def go_on(self) -> None:
        """Start or continue the clock."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Pause the clock."""
        self._counted, self._since = self.seconds, None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Pause the clock within the block."""
        self.stop()
        try:
            yield
        finally:
            self.go_on()
