"""Compare two systems on the same clips: `lt-bench compare A.json B.json`.

Differences are paired by clip, intervals and tests are clustered by identity, and p-values are Holm-corrected over the
table. Results of different protocols, reference sets, lengths or numbers of clips are refused, and the message names
the difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json

if TYPE_CHECKING:
    from lt_bench.evaluation.results.comparison import Comparison, Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("a", type=Path, help="result file of one system")
    parser.add_argument("b", type=Path, help="result file of the other")
    parser.add_argument("--alpha", type=float, default=0.05, help="significance over the whole table (default: 0.05)")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare two results and print the table."""
    from lt_bench.errors import ConfigError
    from lt_bench.evaluation.results.comparison import compare
    from lt_bench.evaluation.results.result_file import load_result

    if not 0 < arguments.alpha < 1:
        raise ConfigError(f"--alpha: expected a number between 0 and 1, got {arguments.alpha}")
    found = compare(load_result(arguments.a), load_result(arguments.b), arguments.alpha)
    if arguments.json:
        print_json(found.document())
    else:
        _print(found)
    return 0


def _print(found: Comparison) -> None:
    from rich.table import Table

    from lt_bench.cli.score_tables import direction, say, wide_console

    console = wide_console()
    clips = f"{found.scored} of {found.given} clips"
    say(console, f"A {found.system_a}, B {found.system_b}: {found.protocol}, {found.real}, {clips}")
    table = Table("score", "better", "A", "B", "A - B", "95% interval", "clips", "p (Holm)", "verdict", "note")
    table.columns[0].no_wrap = True
    for row in found.rows:
        better = direction(row.higher_is_better, row.target)
        table.add_row(row.score, better, *map(_number, (row.a, row.b, row.difference)), *_rest(row, found))
    console.print(table)


def _rest(row: Row, found: Comparison) -> list[str]:
    interval = f"{row.interval.low:.3g} .. {row.interval.high:.3g}" if row.interval else ""
    words = {"a": found.system_a, "b": found.system_b, "tie": "tie", "differs": "differs", "untested": ""}
    return [interval, str(row.clips or ""), _number(row.p_holm), words[row.verdict], row.note]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
