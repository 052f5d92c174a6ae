"""Progress with remaining time on stderr: a live bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

EVERY = 15.0
"""Seconds between two lines where there is no terminal."""
SPEED_OVER = 1800.0
"""Seconds over which the speed is measured; a step may take minutes."""


def stderr_console() -> Console:
    """A console for remarks and progress; where it is no terminal, which breaks lines itself, a line stays one."""
    return Console(stderr=True, soft_wrap=not Console(stderr=True).is_terminal)


class ProgressLines(Progress):
    """Rich's bar; where stderr is no terminal, a line every ``EVERY`` seconds and one at the end of each task."""

    def __init__(self, *between: str, console: Console | None = None) -> None:
        """Set up the columns.

        Args:
            between: more columns, such as ``"loss {task.fields[loss]}"``; in the lines too.
            console: where to write; stderr by default.
        """
        console = console or stderr_console()
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            *map(TextColumn, between),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            refresh_per_second=4,
            speed_estimate_period=SPEED_OVER,
            disable=not console.is_terminal,
        )
        self._between = between
        self._next = time.monotonic() + EVERY
        self._ended: set[TaskID] = set()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As rich's; tells the log too, where there is no terminal."""
        self.update(task_id, advance=advance)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As rich's; tells the log too, where there is no terminal."""
        super().update(task_id, **changes)
        if not self.disable:
            return
        task = self._tasks[task_id]
        ends = task.finished and task_id not in self._ended
        if ends or (not task.finished and time.monotonic() >= self._next):
            self._next = time.monotonic() + EVERY
            self._ended |= {task_id} if ends else set()
            self.console.print(self._line(task), soft_wrap=True, markup=False, highlight=False)

    def _line(self, task: Task) -> str:
        left = [f"{clock(task.time_remaining)} left"] if not task.finished else []
        total = f"/{task.total:.0f}" if task.total is not None else ""
        between = [text.format(task=task) for text in self._between]
        parts = [f"{task.description} {task.completed:.0f}{total}", *between, f"{clock(task.elapsed)} elapsed", *left]
        return ", ".join(parts)


def clock(seconds: float | int | None) -> str:
    """Seconds as 0:42, 3:05 or 2:07:00; ``?`` where they are not known."""
    if seconds is None:
        return "?"
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
