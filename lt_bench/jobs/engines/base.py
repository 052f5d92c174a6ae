"""Interface of engines and their tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Ending:
    """The end of a worker."""

    code: int
    """Exit code; 0 or 1 if the worker's status states the outcome."""
    reason: str = ""
    """Reason for a failure that the worker could not report itself; empty with code 0."""


class Task(Protocol):
    """The worker of one folder, wherever it runs."""

    def ending(self) -> Ending | None:
        """Return how it ended; None while it waits or runs."""
        ...


class Engine(Protocol):
    """Starts and stops workers."""

    @property
    def workers(self) -> int:
        """Number of tasks that may run in parallel."""
        ...

    def start(self, folder: Path) -> Task:
        """Start the worker of a job's folder, which holds its configuration.

        Raises:
            LtBenchError: the engine refuses the job.
        """
        ...

    def stop(self, tasks: Sequence[Task]) -> None:
        """Ask workers to end, wait, and kill those that remain."""
        ...

    def close(self) -> None:
        """Release the engine's resources."""
        ...
