"""The end of tracking, as every verb that logs to MLflow tells it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.tracking.background import BackgroundTracker


def wait_for_tracker(tracker: BackgroundTracker, out: str | Path, console: Console) -> str:
    """Wait until all is logged; why not all of it could be, which is told too, or an empty string.

    Args:
        tracker: takes nothing more after this.
        out: folder whose files hold all values in any case.
        console: where to tell.
    """
    if not tracker.close(1.0):
        console.print("logging to MLflow ...")
        tracker.wait()
    tell_problem(tracker, out, console)
    return tracker.problem


def tell_problem(tracker: BackgroundTracker, out: str | Path, console: Console) -> None:
    """Say what the server did not take, if anything."""
    if tracker.problem:
        console.print(
            f"MLflow ({tracker.tracker.address}) did not take all: {tracker.problem}. All values are in the files of "
            f"{out}; the same command logs them again.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
