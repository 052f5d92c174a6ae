"""``status.json``, in which a worker reports its progress."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from lt_bench.config import parse_config, to_dict
from lt_bench.conventions import STATUS_FILE
from lt_bench.errors import LtBenchError
from lt_bench.files import read_json, write_json

State = Literal["pending", "training", "generating", "scoring", "done", "failed"]
PHASES: tuple[State, ...] = ("training", "generating", "scoring")
STATES: tuple[State, ...] = get_args(State)
EVERY = 1.0
"""Minimum seconds between two writes inside a phase."""


@dataclass(frozen=True)
class Status:
    """Progress of a job."""

    state: State = "pending"
    step: int = 0
    """Optimizer steps, or clips in the other phases."""
    steps: int = 0
    loss: float | None = None
    eta: float | None = None
    """Remaining seconds in this phase at the pace since the worker began it."""
    reason: str = ""
    """Reason for the failure, on one line."""
    failures: tuple[str, ...] = ()
    """Reasons for earlier failures, oldest first."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds of each phase so far, including those before a resume."""
    cache_hash: str = ""
    """Hash of the job's latent cache."""
    updated: float = 0.0
    """Unix time of this status."""


def read_status(folder: Path) -> Status:
    """Read the status of a job's folder; ``pending`` if there is none.

    Raises:
        LtBenchError: the file is damaged.
    """
    path = folder / STATUS_FILE
    if not path.exists():
        return Status()
    document = read_json(path)
    if not isinstance(document, dict):
        raise LtBenchError(f"{path}: expected a JSON object, got {type(document).__name__}")
    return parse_config(Status, document, str(path))


class StatusReporter:
    """Keeps a job's ``status.json`` up to date, at most once per second inside a phase."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status = replace(read_status(folder), reason="", eta=None)
        self._begun = time.monotonic()
        self._first_step: int | None = None
        self._first_time = 0.0
        self._earlier = 0.0
        self._written = 0.0

    def begin(self, phase: State, steps: int, cache_hash: str = "") -> None:
        """Enter a phase with this number of steps."""
        self._begun, self._first_step = time.monotonic(), None
        self._earlier = self.status.seconds.get(phase, 0.0)
        kept = cache_hash or self.status.cache_hash
        self._write(replace(self.status, state=phase, step=0, steps=steps, eta=None, cache_hash=kept))

    def step(self, step: int, loss: float | None = None) -> None:
        """Report the number of completed steps."""
        now = time.monotonic()
        if self._first_step is None:  # a resumed phase does not begin at 0, and its pace is that of this process
            self._first_step, self._first_time = step, now
        if now - self._written < EVERY and step < self.status.steps:
            return
        done = step - self._first_step
        eta = (self.status.steps - step) * (now - self._first_time) / done if done else None
        kept = self.status.loss if loss is None else loss
        self._write(replace(self.status, step=step, loss=kept, eta=eta, seconds=self._seconds()))

    def progress(self, done: int, total: int) -> None:
        """Report completed and total units, for phases whose length is known only while they run."""
        if total != self.status.steps:
            self.status = replace(self.status, steps=total)
        self.step(done)

    def end(self) -> float:
        """End the phase; return its seconds, including those before a resume."""
        self._write(replace(self.status, step=self.status.steps, eta=0.0, seconds=self._seconds()))
        return self.status.seconds[self.status.state]

    def finish(self) -> None:
        """Report that the job is done and its result file is complete."""
        self._write(replace(self.status, state="done", reason="", eta=0.0))

    def fail(self, reason: str) -> None:
        """Report that the job cannot continue."""
        seconds = self._seconds() if self.status.state in PHASES else self.status.seconds
        self._write(replace(self.status, state="failed", reason=one_line(reason), eta=None, seconds=seconds))

    def _seconds(self) -> dict[str, float]:
        spent = round(self._earlier + time.monotonic() - self._begun, 3)
        return {**self.status.seconds, self.status.state: spent}

    def _write(self, status: Status) -> None:
        self.status = replace(status, updated=time.time())
        self._written = time.monotonic()
        write_json(self.folder / STATUS_FILE, to_dict(self.status))


def one_line(text: str, length: int = 300) -> str:
    """Return a text on one line, cut to ``length`` characters."""
    joined = " ".join(text.split())
    return joined if len(joined) <= length else f"{joined[: length - 3]}..."
