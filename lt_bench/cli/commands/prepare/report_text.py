"""Terminal output of ``lt-bench prepare``, and the contents of a cache."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.conventions import SPLITS

if TYPE_CHECKING:
    from lt_bench.data.cache import LatentCache


def report_of(done: Any, page: Path) -> dict[str, Any]:
    """Return the JSON document of a preparation (``data_prep.pipeline.Preparation``) with its report page."""
    cache = done.cache
    return {
        "cache": str(cache.path),
        "hash": cache.hash,
        "dataset": cache.info.dataset,
        "resolution": cache.info.resolution,
        "codec": cache.info.codec.name,
        "speech_encoder": cache.info.speech.name,
        **contents(cache),
        "report": str(page),
        "rejected_by_rule": dict(sorted(Counter(clip.rule for clip in done.rejected).items())),
        "rejected": [vars(clip) for clip in done.rejected],
        "prepared_now": done.prepared,
        "seconds": round(done.seconds, 3),
    }


def contents(cache: LatentCache) -> dict[str, Any]:
    """Return the contents of a cache: clips, frames and bytes, in total and by split."""
    splits = {}
    for split in SPLITS:
        records = cache.records(split)
        roles = Counter(record.role for record in records)
        splits[split] = {
            "clips": roles["clip"],
            "gallery": roles["gallery"],
            "identities": len({record.identity for record in records}),
            "frames": sum(record.frames for record in records),
        }
    files = (path for path in cache.path.rglob("*") if path.is_file())
    return {
        "clips": len(cache.records()),
        "frames": sum(record.frames for record in cache.records()),
        "bytes": sum(path.stat().st_size for path in files),
        "splits": splits,
    }


def split_table(report: dict[str, Any]) -> Any:
    """Return a table of ``contents`` by split."""
    from rich.table import Table

    table = Table("split", "identities", "clips", "gallery", "frames", title=f"{report['dataset']}: {report['cache']}")
    for column in table.columns[1:]:
        column.justify = "right"
    for split, row in report["splits"].items():
        table.add_row(split, *(str(row[key]) for key in ("identities", "clips", "gallery", "frames")))
    return table


def print_report(report: dict[str, Any], damage: str | None) -> None:
    """Print a preparation's tables; rejections are counted by rule, and the report page lists each of them."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(split_table(report))
    if report["rejected"]:
        table = Table("clips", "rule", "such as", title="rejected")
        for rule, count in report["rejected_by_rule"].items():
            first = next(clip for clip in report["rejected"] if clip["rule"] == rule)
            table.add_row(str(count), rule, f"{first['id']}: {first['reason']}")
        console.print(table)
    console.print(
        f"{report['clips']} clips ({report['prepared_now']} made now), {report['frames']} frames, "
        f"{len(report['rejected'])} rejected, {report['bytes'] / 1e6:.1f} MB, {report['seconds']:.1f} s",
        highlight=False,
    )
    console.print(f"damaged: {damage}" if damage else "verified: every file is as it was written", highlight=False)
    console.print(f"report: {report['report']}", highlight=False, soft_wrap=True)
