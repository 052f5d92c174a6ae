"""Terminal output of ``lt-bench search``: the best trials, and the result of a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lt_bench.cli.output import print_json

if TYPE_CHECKING:
    from lt_bench.search.search_plan import SearchPlan
    from lt_bench.search.study_report import SearchReport


def print_report(plan: SearchPlan, report: SearchReport, problem: str, as_json: bool) -> None:
    """Print the report of a search."""
    if as_json:
        print_json({**report.document, "tracking_problem": problem or None})
        return
    from rich.console import Console
    from rich.table import Table

    document, console = report.document, Console()
    counts = ", ".join(f"{count} {state}" for state, count in document["trials"].items() if count)
    names = [objective["name"] for objective in document["objectives"]]
    title = "Pareto front" if len(names) > 1 else "best"
    table = Table("trial", *names, *plan.space, title=f"{plan.config.name}: {counts}; {title} on the validation split")
    for entry in document["best"]:
        values = [f"{entry['values'][name]:.4g}" for name in names]
        table.add_row(str(entry["trial"]), *values, *(cell_text(entry["params"][key]) for key in plan.space))
    console.print(table)
    for failed in document["failed"]:
        console.print(f"trial {failed['trial']} failed: {failed['reason']}", markup=False, soft_wrap=True)
    for entry in document["best"][:1]:
        console.print(f"lt-bench train --config {entry['config']} --out DIR", soft_wrap=True, highlight=False)
    console.print(f"{document['table']}\n{plan.out / 'plots'}", soft_wrap=True, highlight=False)


def cell_text(value: object) -> str:
    """Write the value of a key for a table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_plan(plan: SearchPlan, as_json: bool) -> None:
    """Print the plan of a dry run."""
    document = {
        "name": plan.config.name,
        "out": str(plan.out),
        "trials": plan.config.trials,
        "objectives": [{"name": o.name, "direction": o.direction} for o in plan.objectives],
        "space": {key: str(values) for key, values in plan.space.items()},
        "storage": "database" if plan.config.storage else str(plan.out / "study.journal"),
    }
    if as_json:
        print_json(document)
        return
    from rich.console import Console

    aims = ", ".join(f"{o.direction} {o.name}" for o in plan.objectives)
    lines = [f"{plan.config.name}: {plan.config.trials} trials to {aims}, in {plan.out}"]
    lines += [f"  {key}: {values}" for key, values in plan.space.items()]
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
