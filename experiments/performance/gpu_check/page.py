"""Output of the check: the table and the JSON document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from claims import Verdict
from plan import Plan
from rich.console import Console
from rich.table import Table
from running import Outcome

FORMAT, VERSION = "lt_bench GPU check", 1
WORDS = {True: "holds", False: "fails", None: "not measured"}


def document(plan: Plan, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """All of it as JSON."""
    found = {
        "format": FORMAT,
        "version": VERSION,
        "plan": asdict(plan),
        "parts": [asdict(outcome) for outcome in outcomes],
        "claims": [asdict(verdict) for verdict in verdicts],
    }
    return _strict(found)


def _strict(value: Any) -> Any:
    """Numbers that JSON does not have (NaN, infinity) as text."""
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def print_tables(outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> None:
    """One table of figures and one of claims."""
    figures = Table("part", "figure", "value", title="Measured")
    for outcome in outcomes:
        if outcome.figures is None:
            figures.add_row(outcome.name, "missing", outcome.missing)
        else:
            for place, (name, value) in enumerate(outcome.figures.items()):
                figures.add_row("" if place else outcome.name, name, _text(value))
    claims = Table("claim", "limit", "measured", "verdict", title="Claims of docs/cluster.md")
    for verdict in verdicts:
        claim = verdict.claim
        measured = verdict.reason if verdict.measured is None else _text(verdict.measured)
        claims.add_row(claim.text, f"{claim.bound} {_text(claim.limit)}", measured, WORDS[verdict.holds])
    console = Console()
    console.print(figures, markup=False)
    console.print(claims, markup=False)


def _text(value: float | str) -> str:
    if isinstance(value, (str, bool)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
