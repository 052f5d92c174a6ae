"""Progress of jobs on stderr: live on a terminal, one line at intervals otherwise."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lt_bench.jobs.job_status import PHASES, Status
from lt_bench.jobs.remaining_time import Estimate
from lt_bench.jobs.snapshot import Named, Snapshot
from lt_bench.progress import EVERY, clock

SHARES = {"training": 0.8, "generating": 0.1, "scoring": 0.1}
"""Weights of the phases in the progress bar; the remaining time is measured separately."""
UNITS = {"training": "steps", "generating": "frames", "scoring": "clips"}


class JobsDisplay:
    """A context manager that shows jobs while they run."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._begun = time.monotonic()
        self._next_line = self._begun

    def __enter__(self) -> JobsDisplay:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update(Text(""), refresh=True)
            self._live.stop()

    def tick(self, snapshot: Snapshot) -> None:
        """Update the displayed progress."""
        if self._live:
            self._live.update(self._table(snapshot), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + EVERY
            self.say(plain_line(snapshot, time.monotonic() - self._begun))

    def ended(self, job: Named, status: Status) -> None:
        """Report how a job ended."""
        self.say(ended_line(job, status), "red" if status.state == "failed" else "green")

    def retried(self, job: Named, status: Status) -> None:
        """Report that a job failed and will be retried."""
        self.say(f"{ended_line(job, status)}; it is tried again", "yellow")

    def stopping(self, workers: int) -> None:
        """Report that an interrupt was received."""
        self.say(f"stopping {workers} worker{'s' if workers != 1 else ''} ...", "yellow")

    def say(self, text: str, style: str = "") -> None:
        """Print a line above the progress display."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def _table(self, snapshot: Snapshot) -> Group:
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "left", "right", "right", "right", "right"):
            table.add_column(justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for job, status, runs in zip(snapshot.jobs, snapshot.statuses, snapshot.running, strict=True):
            if runs and status.state not in ("done", "failed"):
                table.add_row(job.name, *(Text(cell) for cell in _cells(status)))
        done = sum(status.state in ("done", "failed") for status in snapshot.statuses)
        overall = Table.grid(padding=(0, 2))
        overall.add_row(
            Text(f"{done}/{len(snapshot.jobs)} done", style="bold"),
            Text(snapshot.note),
            ProgressBar(total=1.0, completed=share_done(snapshot), width=40),
            f"{clock(time.monotonic() - self._begun)} elapsed",
            Text(left_text(snapshot.left), style="bold"),
        )
        return Group(table, overall)


def _cells(status: Status) -> tuple[str, str, str, str, str]:
    if status.state not in PHASES:
        return ("starting", "", "", "", "")
    loss = f"loss {status.loss:.4f}" if status.state == "training" and status.loss is not None else ""
    left = f"{clock(status.eta)} left" if status.eta is not None else ""
    steps = f"{status.step}/{status.steps} {UNITS[status.state]}" if status.steps else ""
    return (status.state, steps, loss, f"{clock(sum(status.seconds.values()))} elapsed", left)


def plain_line(snapshot: Snapshot, elapsed: float | int) -> str:
    """Return the progress of all jobs on one line."""
    done = sum(status.state in ("done", "failed") for status in snapshot.statuses)
    running = [
        f"{job.name} {' '.join(cell for cell in _cells(status) if cell)}"
        for job, status, runs in zip(snapshot.jobs, snapshot.statuses, snapshot.running, strict=True)
        if runs and status.state not in ("done", "failed")
    ]
    note = [snapshot.note] if snapshot.note else []
    overall = f"{done}/{len(snapshot.jobs)} done, {clock(elapsed)} elapsed, {left_text(snapshot.left)}"
    return " | ".join([overall, *note, *running])


def ended_line(job: Named, status: Status) -> str:
    """Return how a job ended, on one line."""
    if status.state == "failed":
        return f"{job.name} failed: {status.reason}"
    phases = ", ".join(f"{phase} {clock(status.seconds[phase])}" for phase in PHASES if phase in status.seconds)
    return f"{job.name} done ({phases})"


def share_done(snapshot: Snapshot) -> float:
    """Return the completed share of all work, 0 to 1."""
    return sum(map(_share, snapshot.statuses)) / max(1, len(snapshot.statuses))


def _share(status: Status) -> float:
    if status.state in ("done", "failed"):
        return 1.0
    if status.state not in PHASES:
        return 0.0
    before = sum(SHARES[phase] for phase in PHASES[: PHASES.index(status.state)])
    return before + SHARES[status.state] * min(1.0, status.step / status.steps if status.steps else 0.0)


def left_text(left: Estimate) -> str:
    """Return the remaining time as text, as far as it is known."""
    if left.seconds is None:
        return "time left not known yet"
    return f"{'at least ' if left.at_least else ''}{clock(left.seconds)} left"
