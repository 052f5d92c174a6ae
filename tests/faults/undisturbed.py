"""A command that nothing happens to: what it leaves, and how long it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults.normalised import normalised
from tests.faults.processes import Warm


@dataclass(frozen=True)
class Whole:
    """The undisturbed run."""

    files: dict[str, Any]
    work: float
    """CPU seconds of all its processes: a busy machine moves no moment of it."""


def run_whole(running: Warm) -> Whole:
    """Let it run to its end."""
    assert running.wait() == 0, running.said()
    return Whole(normalised(running.folder / "out"), running.total)
