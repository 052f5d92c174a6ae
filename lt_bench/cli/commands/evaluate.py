"""Score a folder of generated videos against real ones under a named protocol.

Videos are paired by their path in the folder without suffix, or by the file given as --pairs. Values that were measured
before are reused, so a second run is quick, and an interrupted run resumes. Videos that are missing, unpaired, broken,
too short, silent or without a face are listed with the reason, and the rest is scored. Exit code: 0 everything scored,
1 some videos were missed, 2 bad input.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json, progress_bar
from lt_bench.cli.parsing import add_devices_flag, at_least
from lt_bench.cli.plugin_option import add_plugin_flag

if TYPE_CHECKING:
    from lt_bench.evaluation.harness import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--generated", type=Path, required=True, metavar="DIR", help="folder of a system's videos")
    parser.add_argument(
        "--real", type=Path, required=True, metavar="DIR", help="a real set (CACHE/real/SPLIT) or any folder of videos"
    )
    parser.add_argument("--protocol", required=True, metavar="NAME", help="a protocol's name, or its YAML file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result file (JSON) here")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a video and score (CSV) here")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with the worst videos here")
    parser.add_argument("--system", metavar="NAME", help="name in tables (default: the manifest's, else the folder's)")
    parser.add_argument(
        "--clips", type=at_least(0), default=0, metavar="N", help="score the first N clips only (default: all)"
    )
    parser.add_argument("--workers", type=at_least(1), default=1, metavar="N", help="processes (default: 1)")
    add_devices_flag(parser)
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="local processes, or a Ray cluster (default: local)"
    )
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE", help="CSV (real,generated) or JSON that pairs videos (default: by name)"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of features and values (default: your cache)")
    parser.add_argument(
        "--store-limit", type=float, default=20.0, metavar="GB", help="size that the store may keep (default: 20)"
    )
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a folder, write the result file and print the scores."""
    from lt_bench.cli.announce import tell_missing
    from lt_bench.evaluation.harness import Harness
    from lt_bench.evaluation.results.csv_export import save_csv
    from lt_bench.evaluation.results.result_file import save_result, to_document

    for path in filter(None, (arguments.out, arguments.csv, arguments.report)):
        _check_writable(path)
    harness = Harness(arguments.protocol, _options(arguments))  # an unknown protocol is refused before the bar starts
    with progress_bar() as bar:
        task = bar.add_task("scoring")
        result = harness.evaluate(
            arguments.real,
            arguments.generated,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            system=arguments.system,
            announce=tell_missing,
        )
    if arguments.out:
        save_result(result, arguments.out)
    if arguments.csv:
        save_csv(result, arguments.csv)
    if arguments.report:
        from lt_bench.evaluation.results.worst_videos import write_page

        write_page(result, arguments.generated, arguments.real, arguments.report)
    if arguments.json:
        print_json(to_document(result))
    else:
        from lt_bench.cli.score_tables import print_result

        print_result(result)
    return 1 if result.misses else 0


def _options(arguments: argparse.Namespace) -> Options:
    from lt_bench.errors import ResultError
    from lt_bench.evaluation.harness import Options

    if not 0 <= arguments.store_limit < float("inf"):
        raise ResultError(f"--store-limit: expected a size in GB, at least 0, got {arguments.store_limit}")
    if arguments.devices and arguments.engine == "ray":
        raise ResultError(
            "--devices: expected the local engine, got ray, which gives out the GPUs of its cluster itself"
        )
    return Options(
        clips=arguments.clips,
        workers=arguments.workers,
        devices=arguments.devices,
        store=arguments.store,
        plugins=tuple(map(Path, arguments.plugin)),
        pairs=arguments.pairs,
        engine=arguments.engine,
        store_limit=int(arguments.store_limit * 1e9),
    )


def _check_writable(path: Path) -> None:
    """Fail before the work if the result cannot be written."""
    from lt_bench.errors import ResultError

    if path.is_dir():
        raise ResultError(f"{path}: expected the path of a file, got a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: expected a writable folder, got {path.parent}")
