"""``lt-bench cache statistics``: features of a cache's real videos, stored inside it for all later evaluations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lt_bench.cli.output import print_json, progress_bar
from lt_bench.conventions import HELD_OUT, REAL_SETS


def statistics(arguments: argparse.Namespace) -> int:
    """Measure the real sets under a protocol; return 1, with the reason, if a network could not measure one."""
    from lt_bench.data.cache import LatentCache

    cache = LatentCache.open(arguments.cache)
    splits = arguments.splits or [split for split in HELD_OUT if (cache.path / REAL_SETS / split).is_dir()]
    plugins = tuple(map(Path, arguments.plugin))
    report = {
        "cache": str(cache.path),
        "protocol": arguments.protocol,
        "splits": {
            split: _measure(cache.real_folder(split), arguments.protocol, arguments.workers, plugins)
            for split in splits
        },
    }
    if arguments.json:
        print_json(report)
    else:
        for split, found in report["splits"].items():
            print(f"{split}: {found['clips']} clips, {found['entries']} entries, {found['bytes'] / 1e6:.2f} MB")
            for name, reason in found["missing"].items():
                print(f"{split}: {name} missing: {reason}")
    return 1 if any(found["missing"] for found in report["splits"].values()) else 0


def _measure(folder: Path, protocol: str, workers: int, plugins: tuple[Path, ...]) -> dict[str, Any]:
    """Score the real videos as if they had been generated; their features stay in ``features/``."""
    from lt_bench.data.checksums import write_sums
    from lt_bench.evaluation.harness import Harness, Options
    from lt_bench.evaluation.stores.feature_store import SET_FEATURES
    from lt_bench.files import sha256_file

    store = folder / SET_FEATURES
    harness = Harness(protocol, Options(workers=workers, store=store, store_limit=sys.maxsize, plugins=plugins))
    with progress_bar() as bar:
        task = bar.add_task(f"measuring {folder.name}", total=None)
        result = harness.evaluate(folder, folder, lambda now, total: bar.update(task, completed=now, total=total))
    files = sorted(store.rglob("*.safetensors"))
    write_sums(store, {path.relative_to(store).as_posix(): sha256_file(path) for path in files})
    entries = [path.stat().st_size for path in files]
    networks = [score.name for score in harness.scores if score.assets or "faces" in score.needs]
    missing = {name: result.scores[name].missing for name in networks if result.scores[name].missing}
    return {"clips": len(result.clips), "entries": len(entries), "bytes": sum(entries), "missing": missing}
