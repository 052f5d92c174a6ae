"""Score a folder of generated videos against real ones under a named protocol.

Videos are paired by file name without suffix. What is missing, unpaired, broken, too short, silent or without a face is
listed with its reason, and the rest is scored. Exit code: 0 everything scored, 1 some videos were missed, 2 bad input.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json, progress_bar

if TYPE_CHECKING:
    from lt_bench.evaluation.results import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--generated", type=Path, required=True, metavar="DIR", help="folder of a system's videos")
    parser.add_argument(
        "--real", type=Path, required=True, metavar="DIR", help="a real set (CACHE/real/SPLIT) or any folder of videos"
    )
    parser.add_argument("--protocol", required=True, metavar="NAME", help="a protocol's name, or its YAML file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result file (JSON) here")
    parser.add_argument("--system", metavar="NAME", help="name in tables (default: the manifest's, else the folder's)")
    parser.add_argument("--clips", type=int, default=0, metavar="N", help="score the first N clips only (default: all)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument(
        "--plugin", type=Path, action="append", default=[], metavar="FILE.py", help="Python file that registers scores"
    )
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, write, print."""
    from lt_bench.errors import ResultError
    from lt_bench.evaluation.harness import Options, evaluate
    from lt_bench.evaluation.results import save_result, to_document

    if arguments.out:
        _check_writable(arguments.out)
    if arguments.workers < 1 or arguments.clips < 0:
        raise ResultError(f"--workers and --clips: expected >= 1 and >= 0, got {arguments.workers}, {arguments.clips}")
    options = Options(clips=arguments.clips, workers=arguments.workers, plugins=tuple(arguments.plugin))
    with progress_bar() as bar:
        task = bar.add_task("scoring")
        result = evaluate(
            arguments.generated,
            arguments.real,
            arguments.protocol,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            system=arguments.system,
            options=options,
        )
    if arguments.out:
        save_result(result, arguments.out)
    if arguments.json:
        print_json(to_document(result))
    else:
        _print_tables(result)
    return 1 if result.misses else 0


def _check_writable(path: Path) -> None:
    """Fail before the work, not after it."""
    from lt_bench.errors import ResultError

    if path.is_dir():
        raise ResultError(f"{path}: expected the path of a file, got a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: expected a writable folder, got {path.parent}")


def _print_tables(result: Result) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)  # a pipe has no width of its own
    rules, real = result.protocol, result.real
    console.print(
        f"{result.system} under {rules.id} (version {rules.version}, {rules.hash[:12]}) against "
        f"{real.dataset}{f'/{real.split}' if real.split else ''} ({real.hash[:12]}): "
        f"{result.scored} of {result.given} clips read",
        highlight=False,
        markup=False,
    )
    table = Table("score", "unit", "better", "value", "95% interval", "N", "real videos")
    for column in table.columns[::3]:  # names and values are never cut
        column.no_wrap = True
    for name, score in result.scores.items():
        interval, reference = score.interval, score.reference
        table.add_row(
            name,
            score.unit,
            _direction(score.higher_is_better, score.target),
            "missing" if score.value is None else f"{score.value:.4g}",
            f"{interval.low:.4g} .. {interval.high:.4g}" if interval else "",
            f"{score.scored}/{result.given}",
            f"{reference.value:.4g} ({reference.kind})" if reference else "",
        )
    console.print(table)
    for score in result.scores.values():
        if score.missing:
            console.print(f"missing {score.name}: {score.missing}", highlight=False, markup=False, soft_wrap=True)
    for miss in result.misses:
        what = f"{miss.clip}, {miss.score}" if miss.score else miss.clip
        console.print(f"missed {what}: {miss.reason}", highlight=False, markup=False, soft_wrap=True)


def _direction(higher_is_better: bool | None, target: float | None) -> str:
    if higher_is_better is None:
        return "" if target is None else f"near {target:g}"
    return "higher" if higher_is_better else "lower"
