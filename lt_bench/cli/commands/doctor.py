"""Check the metrics against known answers on this machine, with its libraries and weights.

Each check passes, fails, or names the asset that it lacks. Exit code: 0 no check failed, 1 a check failed. A missing
asset is not a failure: its scores are missing in results too, with the same reason.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json, progress_bar

if TYPE_CHECKING:
    from lt_bench.evaluation.doctor.check import Figure, Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the checks and print them."""
    from lt_bench.evaluation.doctor.check import perform
    from lt_bench.evaluation.doctor.known_answers import NUMBERS
    from lt_bench.evaluation.doctor.networks import NETWORKS
    from lt_bench.evaluation.stores.provenance import package_versions

    checks = (*NUMBERS, *NETWORKS)
    with progress_bar() as bar:
        outcomes = [perform(check) for check in bar.track(checks, description="checking")]
    if arguments.json:
        print_json({"checks": [asdict(outcome) for outcome in outcomes], "packages": package_versions()})
    else:
        _print(outcomes)
    return 1 if any(outcome.state == "failed" for outcome in outcomes) else 0


def _print(outcomes: list[Outcome]) -> None:
    from rich.table import Table

    from lt_bench.cli.score_tables import say, wide_console

    console = wide_console()
    table = Table("check", "state", "figure", "got", "expected")
    table.columns[0].no_wrap = True
    for outcome in outcomes:
        for index, figure in enumerate(outcome.figures):
            first = (outcome.name, outcome.state) if not index else ("", "")
            table.add_row(*first, figure.name, f"{figure.got:.6g}", _expected(figure))
        if not outcome.figures:
            table.add_row(outcome.name, outcome.state, outcome.reason, "", "")
    console.print(table)
    states = [outcome.state for outcome in outcomes]
    say(console, ", ".join(f"{states.count(state)} {state}" for state in ("passed", "failed", "asset missing")))


def _expected(figure: Figure) -> str:
    exact = f"{figure.expected:.6g}"
    return f"{exact} +- {figure.tolerance:.2g}" if figure.tolerance else exact
