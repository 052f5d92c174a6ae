"""Inspect and verify a latent cache."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json, progress_bar
from lt_bench.cli.parsing import at_least
from lt_bench.cli.plugin_option import add_plugin_flag
from lt_bench.conventions import REAL_SETS

if TYPE_CHECKING:
    from lt_bench.data.cache import LatentCache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "action",
        choices=("info", "verify", "check-leaks", "statistics"),
        help="info: what it holds; verify: is every byte right; check-leaks: is anyone or anything in two splits; "
        "statistics: measure the real videos once, for all evaluations",
    )
    parser.add_argument("cache", metavar="DIR", help="folder of the cache")
    leaks = parser.add_argument_group("check-leaks")
    leaks.add_argument("--no-faces", dest="faces", action="store_false", help="compare names and sources only")
    leaks.add_argument("--distance", type=float, metavar="D", help="faces nearer than this are one person (0.45)")
    measured = parser.add_argument_group("statistics")
    measured.add_argument("--protocol", default="open-v1", help="whose detectors measure (open-v1)")
    measured.add_argument("--split", dest="splits", action="append", metavar="NAME", help="validation and test if none")
    measured.add_argument("--workers", type=at_least(1), default=1, metavar="N", help="processes (1)")
    add_plugin_flag(measured)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Report on a cache; ``verify`` returns 1 at the first damage, ``check-leaks`` returns 1 if there is a leak."""
    if arguments.action == "check-leaks":
        from lt_bench.cli.commands.cache.check_leaks import check_leaks

        return check_leaks(arguments)
    if arguments.action == "statistics":
        from lt_bench.cli.commands.cache.statistics import statistics

        return statistics(arguments)
    return _info(arguments) if arguments.action == "info" else _verify(arguments)


def _info(arguments: argparse.Namespace) -> int:
    from lt_bench.cli.commands.prepare.report_text import split_table
    from lt_bench.data.cache import LatentCache

    cache = LatentCache.open(arguments.cache)
    report = info_of(cache)
    if arguments.json:
        print_json(report)
        return 0
    from rich.console import Console

    console = Console()
    console.print(split_table(report))
    shape = " x ".join(map(str, report["latent_shape"]))
    for name, text in {
        "codec": f"{report['codec']['name']} {report['codec']['hash'][:16]}, {shape} at {report['resolution']} px",
        "speech": f"{report['speech']['name']} {report['speech']['hash'][:16]}, "
        f"{report['speech']['layers']} x {report['speech']['dim']} at {report['fps']} Hz",
        "landmarks": report["landmark_set"],
        "hash": report["hash"],
        "size": f"{report['bytes'] / 1e6:.1f} MB",
        **{f"real {split}": f"hash {digest}" for split, digest in report["real"].items()},
        "quality": _quality_line(report["quality"]),
    }.items():
        console.print(f"{name:16} {text}", highlight=False, soft_wrap=True)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from lt_bench.data.verify import verify_cache

    with progress_bar() as bar:
        task = bar.add_task("verifying", total=None)
        found = verify_cache(arguments.cache, lambda now, total: bar.update(task, completed=now, total=total))
    if arguments.json:
        print_json({"cache": arguments.cache, "sound": found.damage is None, **vars(found)})
    elif found.damage:
        print(f"damaged: {found.damage}")
    else:
        print(f"sound: {found.clips} clips, {found.real_clips} real clips")
    return 1 if found.damage else 0


def info_of(cache: LatentCache) -> dict[str, Any]:
    """Return the JSON document of ``info``: header, hashes, contents, and medians of the quality numbers."""
    from lt_bench.cli.commands.prepare.report_text import contents
    from lt_bench.conventions import SPLITS
    from lt_bench.data.format import REJECTED_FILE, info_to_dict
    from lt_bench.data.real_set import read_real_set
    from lt_bench.files import read_json

    real = {split: cache.path / REAL_SETS / split for split in SPLITS}
    return {
        "cache": str(cache.path),
        **info_to_dict(cache.info),
        "hash": cache.hash,
        **contents(cache),
        "real": {split: read_real_set(folder).hash for split, folder in real.items() if folder.is_dir()},
        "rejected": read_json(cache.path / REJECTED_FILE) if (cache.path / REJECTED_FILE).exists() else [],
        "quality": _quality(cache),
    }


def _quality(cache: LatentCache) -> dict[str, float | None]:
    import statistics

    from lt_bench.data.index import QUALITY

    values = {name: [getattr(r.quality, name) for r in cache.records()] for name in QUALITY}
    known = {name: [v for v in found if v is not None] for name, found in values.items()}
    return {f"median_{name}": round(statistics.median(found), 3) if found else None for name, found in known.items()}


def _quality_line(quality: dict[str, float | None]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {'-' if value is None else value}" for name, value in quality.items())
