"""List, get and verify pinned weights and data."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json
from lt_bench.errors import AssetError

if TYPE_CHECKING:
    from rich.progress import Progress

    from lt_bench.assets import Asset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions ``list``, ``get`` and ``verify``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|get|verify")
    listing = actions.add_parser("list", help="every asset, its size and licence, and where it was found")
    getting = actions.add_parser("get", help="into the user's cache: copied from the mirror, else downloaded")
    checking = actions.add_parser("verify", help="hash the files that are here; exit code 1 if one is damaged")
    for action in (getting, checking):
        action.add_argument("names", nargs="*", metavar="NAME", help="as the list shows them")
    for action in (listing, getting, checking):
        action.add_argument("--group", metavar="G", help="those of one group only, such as grid-sample")
        add_json_flag(action)
    getting.add_argument("--all", action="store_true", help="every asset of the table")


def run(args: argparse.Namespace) -> int:
    """Carry out one action.

    Returns:
        0; 1 if ``verify`` found damage; 2 if ``get`` could not get an asset.
    """
    if args.action == "list":
        return _list(_chosen([], args.group, everything=True), args.json)
    if args.action == "verify":
        return _verify(_chosen(args.names, args.group, everything=True), args.json)
    if not (args.names or args.group or args.all):
        raise AssetError("get: expected NAME..., --group G or --all, got none")
    return _get(_chosen(args.names, args.group, args.all), args.json)


def _chosen(names: list[str], group: str | None, everything: bool) -> list[Asset]:
    from lt_bench.assets import asset, assets

    table = list(assets().values())
    groups = sorted({entry.group for entry in table})
    if group is not None and group not in groups:
        raise AssetError(f"--group: expected one of {', '.join(groups)}, got {group}")
    if names or group:
        picked = [asset(name) for name in dict.fromkeys(names)]
        return picked + [entry for entry in table if entry.group == group and entry not in picked]
    return table if everything else []


def _list(chosen: list[Asset], as_json: bool) -> int:
    from lt_bench.assets.store import cache_folder, locate, mirror_folder

    places = {entry.name: found.place if (found := locate(entry)) else None for entry in chosen}
    mirror = mirror_folder()
    if as_json:
        print_json(
            {
                "cache": str(cache_folder()),
                "mirror": None if mirror is None else str(mirror),
                "assets": [{**asdict(entry), "found": places[entry.name] or "missing"} for entry in chosen],
            }
        )
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Assets")
    for column in ("name", "group", "size", "found", "licence", "purpose"):
        table.add_column(column, no_wrap=column in ("name", "group", "size"), overflow="fold")
    for entry in chosen:
        place = places[entry.name]
        found = place or ("missing" if entry.sha256 else "missing, not pinned")
        colour = "green" if place else "yellow"
        table.add_row(entry.name, entry.group, entry.size, f"[{colour}]{found}[/]", entry.licence, entry.purpose)
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(table)
    print(f"cache: {cache_folder()}\nmirror (LT_BENCH_MIRROR): {mirror or 'not set'}")
    return 0


def _verify(chosen: list[Asset], as_json: bool) -> int:
    from lt_bench.assets.store import locate, verify

    states: dict[str, tuple[str, str | None]] = {}
    for entry in chosen:
        found = locate(entry)
        if found is None:
            states[entry.name] = ("missing", None)
            continue
        try:
            verify(entry, found.path)
        except AssetError as error:
            states[entry.name] = ("damaged", str(error))
        else:
            states[entry.name] = ("good", None)
    damaged = [message for state, message in states.values() if state == "damaged"]
    if as_json:
        rows = [{"name": name, "state": state, "message": message} for name, (state, message) in states.items()]
        print_json({"good": not damaged, "assets": rows})
    else:
        for message in damaged:
            print(f"damaged: {message}")
        count = [state for state, _ in states.values()]
        print(f"{count.count('good')} good, {len(damaged)} damaged, {count.count('missing')} missing")
    return 1 if damaged else 0


def _get(chosen: list[Asset], as_json: bool) -> int:
    from lt_bench.assets.store import obtain

    paths: dict[str, str] = {}
    failures: dict[str, str] = {}
    with _download_progress() as progress:
        for entry in chosen:
            task = progress.add_task(entry.name, total=entry.bytes)
            try:
                paths[entry.name] = str(obtain(entry, lambda done, task=task: progress.update(task, completed=done)))
                progress.update(task, completed=entry.bytes)
            except AssetError as error:
                failures[entry.name] = " ".join(str(error).split())
                progress.stop_task(task)
    if as_json:
        print_json({"paths": paths, "failures": failures})
    else:
        for path in paths.values():
            print(path)
    for message in failures.values():
        print(f"lt-bench assets: {message}", file=sys.stderr)
    return 2 if failures else 0


def _download_progress() -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from lt_bench.cli.output import stderr_console

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=stderr_console())
