"""Compare metrics with human ratings: which metric orders videos as people do?

RATINGS is a CSV file of opinions (system,clip,rating) or of preferences (clip,system_a,system_b,preferred), such as the
page of ``lt-bench leaderboard rate`` saves. Prints Spearman's and Kendall's rank correlations over videos and the share
of pairs that a metric orders as people do, each with an interval over identities. Exit code 2: bad input.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json

if TYPE_CHECKING:
    from lt_bench.leaderboard.agreement.metric_agreement import Agreement, Coefficient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("results", nargs="+", type=Path, help="result files, one per system")
    parser.add_argument("--ratings", required=True, type=Path, help="CSV file of opinions or preferences")
    parser.add_argument("--out", type=Path, help="also write the agreement as JSON")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compute and print the agreement."""
    from lt_bench.evaluation.results.result_file import load_result
    from lt_bench.files import write_json
    from lt_bench.leaderboard.agreement.metric_agreement import metric_agreement
    from lt_bench.leaderboard.agreement.ratings import read_ratings

    ratings = read_ratings(arguments.ratings)
    found = metric_agreement([load_result(path) for path in arguments.results], ratings)
    if arguments.out:
        write_json(arguments.out, found.document())
    if arguments.json:
        print_json(found.document())
    else:
        _print(found)
    return 0


def _print(found: Agreement) -> None:
    from rich.table import Table

    from lt_bench.cli.score_tables import say, wide_console

    console = wide_console()
    say(console, f"{found.raters} raters, {len(found.left_out_raters)} left out")
    for rater, reason in found.left_out_raters.items():
        say(console, f"left out: rater {rater or '(no name)'}: {reason}")
    table = Table("metric", "videos", "Spearman", "Kendall", "pairs", "same order", "note")
    for row in sorted(found.metrics, key=lambda row: -(row.spearman.value if row.spearman else -2)):
        table.add_row(
            row.metric,
            _count(row.spearman),
            _text(row.spearman),
            _text(row.kendall),
            _count(row.pairwise_accuracy),
            _text(row.pairwise_accuracy),
            row.missing or "",
        )
    console.print(table)
    if found.unmatched:
        say(console, f"rated, but in no result: {', '.join(found.unmatched)}")


def _text(coefficient: Coefficient | None) -> str:
    if coefficient is None:
        return ""
    interval = coefficient.interval
    return f"{coefficient.value:.3f}" + (f" ({interval.low:.2f} .. {interval.high:.2f})" if interval else "")


def _count(coefficient: Coefficient | None) -> str:
    return "" if coefficient is None else str(coefficient.count)
