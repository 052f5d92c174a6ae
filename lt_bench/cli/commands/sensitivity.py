"""Measure how every metric responds to known damages of growing strength on real clips.

Blur, noise, JPEG, H.264, frozen and shuffled frames, another person's face, mirroring, lower frame rates, late sound
and another person's sound are applied to real videos, which are then scored as if a system had generated them. Writes
sensitivity.json, sensitivity.md and one plot per score into --out. Resumes after an interruption. Exit code 1 means
that no score responds to some damage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lt_bench.cli.output import add_json_flag, print_json, progress_bar
from lt_bench.cli.parsing import at_least
from lt_bench.cli.plugin_option import add_plugin_flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="a real set, or a folder of videos")
    parser.add_argument("--protocol", default="open-v1", metavar="NAME", help="a protocol (default: open-v1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report")
    parser.add_argument(
        "--clips",
        type=at_least(0),
        default=0,
        metavar="N",
        help="damage the frames of the first N clips only (default: all)",
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of features and values (default: your cache)")
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the responses, write the files and print the table."""
    from lt_bench.evaluation.harness import Options
    from lt_bench.evaluation.sensitivity.report import write_report
    from lt_bench.evaluation.sensitivity.response import responses
    from lt_bench.evaluation.sensitivity.study import run_study

    with progress_bar() as bar:
        task = bar.add_task("damaging and scoring")
        study = run_study(
            arguments.real,
            arguments.protocol,
            arguments.out,
            arguments.clips,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            options=Options(store=arguments.store, plugins=tuple(map(Path, arguments.plugin))),
        )
    report = responses(study)
    write_report(report, arguments.out)
    if arguments.json:
        print_json(report.document())
    else:
        from lt_bench.cli.score_tables import wide_console
        from lt_bench.evaluation.sensitivity.report import to_text

        wide_console().print(to_text(report), highlight=False, markup=False, soft_wrap=True)
    return 0 if all(damage.seen_by for damage in report.damages) else 1
