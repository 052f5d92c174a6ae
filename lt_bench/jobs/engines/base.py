"""What an engine is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Ending:
    """How a worker ended."""

    code: int
    """Its exit code; 0 or 1 when its status says how it went."""
    reason: str = ""
    """Why, for a worker that could not say it itself; empty with code 0."""


class Task(Protocol):
    """The worker of one folder, wherever it runs."""

    def ending(self) -> Ending | None:
        """How it ended; None while it waits or runs."""
        ...


class Engine(Protocol):
    """Starts and stops workers."""

    @property
    def workers(self) -> int:
        """Tasks that may be given to it side by side."""
        ...

    def start(self, folder: Path) -> Task:
        """Start the worker of a job's folder, which holds its configuration.

        Raises:
            LtBenchError: the engine does not take it.
        """
        ...

    def stop(self, tasks: Sequence[Task]) -> None:
        """Ask workers to end, wait, and kill what is left of them."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
