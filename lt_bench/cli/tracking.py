"""End of tracking, shared by all verbs that log to MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.tracking.background import BackgroundTracker


def wait_for_tracker(tracker: BackgroundTracker, out: str | Path, console: Console) -> str:
    """Wait until everything is logged; report and return the problem, or an empty string.

    Args:
        tracker: receives nothing after this call.
        out: folder whose files hold all values in any case.
        console: console for the report.
    """
    if not tracker.close(1.0):
        console.print("logging to MLflow ...")
        tracker.wait()
    tell_problem(tracker, out, console)
    return tracker.problem


def tell_problem(tracker: BackgroundTracker, out: str | Path, console: Console) -> None:
    """Report what the server did not accept, if anything."""
    if tracker.problem:
        console.print(
            f"MLflow ({tracker.tracker.address}) did not take all: {tracker.problem}. All values are in the files of "
            f"{out}; the same command logs them again.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
