"""Terminal output of ``lt-bench prepare --plan`` and ``--status``."""

from __future__ import annotations

from typing import Any


def print_plan(plan: dict[str, Any]) -> None:
    """Print a plan (``data_prep.reporting.plan.Plan`` as a document)."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(show_header=False, title=f"{plan['dataset']} -> {plan['cache']}")
    costs = plan["costs"]
    if plan["terms"]:
        table.add_row("terms", plan["terms"])
    if plan["videos_wanted"]:
        missing = plan["videos_wanted"] - plan["videos_here"]
        here = f"{plan['videos_here']} of {plan['videos_wanted']} are here"
        size = "of unknown size" if plan["download_bytes"] is None else f"about {_bytes(plan['download_bytes'])}"
        table.add_row("videos", f"{here}; {missing} to fetch (--download), {size}" if missing else here)
    done = plan["clips"] - plan["waiting"]
    table.add_row("clips", f"{plan['waiting']} to be prepared, {plan['fetched_first']} more once fetched, {done} done")
    table.add_row("length", f"{_hours(plan['seconds'])} of video to be prepared in all")
    for rule, count in plan["missing"].items():
        table.add_row("", f"{count} cannot be prepared: {rule}")
    if plan["unknown"]:
        table.add_row("", f"{plan['unknown']} of unknown length, for their videos cannot be read; not counted below")
    table.add_row("disk", f"{_bytes(plan['cache_bytes'])} of latents, features and landmarks; {_export(plan)}")
    parts = ", ".join(f"{name} {1000 * cost:.1f}" for name, cost in costs["seconds"].items())
    how = f"measured just now by one process on {costs['frames']} frames of {costs['sample']}"
    table.add_row("cost", f"{parts} ms of CPU time a frame; {how}")
    processes = "one process" if plan["workers"] == 1 else f"{plan['workers']} processes, each with a CPU of its own"
    table.add_row("time", f"{_duration(plan['estimate'])} with {processes}")
    console.print(table, highlight=False)


def print_status(status: dict[str, Any]) -> None:
    """Print a status (``data_prep.reporting.status.Status`` as a document)."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("stage", "passed", "rejected", "waiting", title=f"{status['dataset']} -> {status['cache']}")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in status["stages"]:
        table.add_row(row["stage"], *(str(row[key] or "-") for key in ("passed", "rejected", "waiting")))
    console.print(table)
    state = "complete" if status["complete"] else "not complete; the same command without --status goes on with it"
    console.print(f"{len(status['clips'])} clips, {state}; --json lists each", highlight=False)


def _export(plan: dict[str, Any]) -> str:
    return f"{_bytes(plan['export_bytes'])} of exported videos, if all are like the sample"


def _bytes(count: float) -> str:
    from lt_bench.assets.table import readable_size

    return readable_size(round(count))


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
