"""The plan of a grid as a terminal table with one row per cell; seeds share a row."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lt_bench.progress import clock


def print_plan(plan: dict[str, Any]) -> None:
    """Print the result of ``--dry-run``."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    states = Counter(row["state"] for row in plan["cells"])
    counts = ", ".join(f"{count} {_word(state)}" for state, count in sorted(states.items()))
    title = f"{plan['name']}: {len(plan['cells'])} models of {plan['steps']} steps, {counts}"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("cell", overflow="fold")
    table.add_column("seeds", overflow="fold")
    table.add_column("done", no_wrap=True)
    for name in ("training", "generating", "scoring", "a model"):
        table.add_column(name, justify="right", no_wrap=True)
    for system, rows in _by_system(plan["cells"]).items():
        table.add_row(system, *_row(rows))
    console.print(table, highlight=False)
    for system, reason in _failures(plan["cells"]):
        console.print(f"{system} failed: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    for line in total_lines(plan):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _by_system(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    systems: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        systems.setdefault(row["system"], []).append(row)
    return systems


def _row(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    cost, shared = rows[0]["cost"], all(row["trained_by"] != f"{row['system']}/seed{row['seed']}" for row in rows)
    training = "shared" if shared else _time(cost["training"])
    rest = [cost["generating"], cost["scoring"]]
    parts = rest if shared else [cost["training"], *rest]
    whole = None if None in parts else sum(parts)
    done = sum(row["state"] == "done" for row in rows)
    seeds = " ".join(str(row["seed"]) for row in rows)
    return (seeds, f"{done}/{len(rows)}", training, *map(_time, rest), _time(whole))


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.1f} s" if seconds < 10 else clock(seconds)


def _word(state: str) -> str:
    return {"pending": "to do"}.get(state, state)


def _failures(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(f"{row['system']}/seed{row['seed']}", row["reason"]) for row in rows if row["state"] == "failed"]


def total_lines(plan: dict[str, Any]) -> list[str]:
    """Return the total costs and how they were estimated, as lines."""
    if all(row["state"] == "done" for row in plan["cells"]):
        return ["nothing is left to do"]
    unknown = {row["cost"]["source"] for row in plan["cells"] if row["cost"]["training"] is None}
    if plan["work_seconds"] is None:
        return [f"cost not known: {reason}" for reason in sorted(unknown)]
    where = f"engine {plan['engine']}, {plan['max_parallel']} side by side"
    others = [
        f"{n}: {clock(seconds)}"
        for n, seconds in plan["wall_seconds_by_parallel"].items()
        if int(n) != plan["max_parallel"]
    ]
    lines = [f"left to do: {clock(plan['work_seconds'])} of work; {clock(plan['wall_seconds'])} with {where}"]
    if others:
        lines.append(f"with other numbers side by side, each as fast as here: {', '.join(others)}")
    return [*lines, f"costs {plan['note']}; workers take some seconds more to start"]
