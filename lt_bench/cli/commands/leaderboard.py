"""Rank systems from their result files: a table here, and leaderboard.csv, .md, .tex and index.html in --out.

``lt-bench leaderboard submit RESULT [--videos DIR] --out PACK.zip`` packs a result for others to check, and
``lt-bench leaderboard check PACK.zip`` checks one: schema, hashes, protocol, and that its numbers agree (exit code 1
where something is wrong). ``lt-bench leaderboard rate --videos A=DIR --videos B=DIR --out rate.html`` writes a page on
which people compare videos blind; ``lt-bench agreement`` reads the answers.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json
from lt_bench.cli.parsing import at_least
from lt_bench.conventions import LEADERBOARD
from lt_bench.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.leaderboard.build import Leaderboard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "results", nargs="+", help="result files or folders of runs; or: submit RESULT, check PACK, rate"
    )
    parser.add_argument("--out", help="folder of the leaderboard (default: leaderboard), or pack of submit")
    parser.add_argument("--title", default="Leaderboard", help="heading of the page")
    parser.add_argument(
        "--samples", type=at_least(0), default=6, metavar="N", help="clips shown side by side (default: 6)"
    )
    parser.add_argument("--real", type=Path, help="folder of the real set, to show its videos")
    parser.add_argument(
        "--videos",
        action="append",
        default=[],
        metavar="SYSTEM=DIR",
        help="folder of a system's videos, to show them; may be given again. With submit: DIR, to pack them",
    )
    parser.add_argument("--published", action="store_true", help="show what papers printed, apart, on the page")
    parser.add_argument(
        "--impute-worst", action="store_true", help="count clips that a system missed as the worst that any system has"
    )
    parser.add_argument("--pairs", type=at_least(1), default=40, metavar="N", help="pairs of videos of rate (40)")
    parser.add_argument("--checks", type=at_least(0), default=3, metavar="N", help="attention checks of rate (3)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the choice of pairs of rate")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build and print the leaderboard, pack a result, or check a pack."""
    action, *paths = arguments.results
    if action in ("submit", "check"):
        if len(paths) != 1:
            raise ConfigError(f"{action}: expected one file, got {len(paths)}")
        return _submit(paths[0], arguments) if action == "submit" else _check(paths[0], arguments.json)
    if action == "rate":
        return _rate(paths, arguments)
    from lt_bench.leaderboard.build import build_leaderboard

    if arguments.real and not arguments.real.is_dir():
        raise ConfigError(f"--real {arguments.real}: expected the folder of a real set, got none")
    made = build_leaderboard(
        arguments.results,
        arguments.out or LEADERBOARD,
        arguments.title,
        samples=arguments.samples,
        real=arguments.real,
        videos=_folders(arguments.videos),
        published=arguments.published,
        impute=arguments.impute_worst,
    )
    if arguments.json:
        print_json(leaderboard_document(made))
    else:
        print_leaderboard(made)
    return 0


def _rate(paths: list[str], arguments: argparse.Namespace) -> int:
    from lt_bench.leaderboard.agreement.rating_page import write_rating_page

    if paths:
        raise ConfigError(f"rate: expected videos as --videos SYSTEM=DIR, got {paths[0]}")
    out = Path(arguments.out or "rate.html")
    questions = write_rating_page(_folders(arguments.videos), out, arguments.pairs, arguments.checks, arguments.seed)
    if arguments.json:
        print_json({"page": str(out), "questions": questions})
    else:
        print(f"{out}: {questions} questions; open it in a browser, then: lt-bench agreement RESULT ... --ratings CSV")
    return 0


def _submit(result: str, arguments: argparse.Namespace) -> int:
    from lt_bench.leaderboard.submission import pack_submission

    if len(arguments.videos) > 1:
        raise ConfigError(f"--videos: expected one folder with submit, got {len(arguments.videos)}")
    videos = Path(arguments.videos[0]) if arguments.videos else None
    pack = pack_submission(result, arguments.out or f"{Path(result).stem}.zip", videos)
    if arguments.json:
        print_json({"pack": str(pack), "bytes": pack.stat().st_size})
    else:
        print(pack)
    return 0


def _check(pack: str, as_json: bool) -> int:
    from lt_bench.leaderboard.submission import check_submission

    findings = check_submission(pack)
    bad = sum(bool(finding.problem) for finding in findings)
    sound = not bad
    if as_json:
        checks = [{"what": f.what, "problem": f.problem or None} for f in findings]
        print_json({"pack": pack, "sound": sound, "checks": checks})
    else:
        for finding in findings:
            print(
                f"{'bad ' if finding.problem else 'good'} {finding.what}{': ' * bool(finding.problem)}{finding.problem}"
            )
        print(f"{pack}: accepted" if sound else f"{pack}: refused, {bad} of {len(findings)} checks failed")
    return 0 if sound else 1


def _folders(items: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for item in items:
        system, equals, folder = item.partition("=")
        if not equals or not Path(folder).is_dir():
            raise ConfigError(f"--videos: expected SYSTEM=DIR with an existing folder, got '{item}'")
        folders[system] = Path(folder)
    return folders


def print_leaderboard(made: Leaderboard) -> None:
    """Print the tables on stdout, and the paths of the files."""
    from rich.console import Console

    _print(made, Console())


def leaderboard_text(made: Leaderboard) -> str:
    """Return the leaderboard as plain text, as wide as the terminal is now."""
    from rich.console import Console

    console = Console(width=Console().width, color_system=None, force_terminal=False, file=io.StringIO(), record=True)
    _print(made, console)
    return console.export_text().rstrip()


def _print(made: Leaderboard, console: Console) -> None:
    from lt_bench.leaderboard.formats.terminal import render

    console.print(render(made.boards, console.width))
    console.print(
        f"{made.page}  (open in a browser)\n{made.csv}\n{made.markdown}\n{made.latex}", highlight=False, soft_wrap=True
    )


def leaderboard_document(made: Leaderboard) -> dict[str, Any]:
    """Return the leaderboard as a JSON document."""
    from lt_bench.leaderboard.tables.columns.column_list import columns_of

    tables = []
    for board in made.boards:
        others = [column for column in columns_of(board, "json") if not column.score]
        rows = [
            {
                "system": row.system,
                "portrait": row.portrait or None,
                "audio": row.audio or None,
                "seeds": list(row.seeds),
                "state": row.state,
                "reasons": list(row.reasons),
                "scores": {name: summary.value for name, summary in row.scores.items()},
                "missing": {name: summary.missing for name, summary in row.scores.items() if summary.missing},
                **{column.key: column.cell(board, row).value for column in others},
            }
            for row in board.rows
        ]
        reference = board.reference
        tables.append(
            {
                "protocol": f"{reference.protocol.id}/{reference.protocol.version}" if reference else None,
                "real_hash": reference.real.hash if reference else None,
                "headline": board.headline,
                "difference": board.difference or None,
                "rows": rows,
            }
        )
    files = {kind: str(getattr(made, kind)) for kind in ("csv", "markdown", "latex", "page")}
    return {"tables": tables, "files": files}
