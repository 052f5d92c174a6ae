"""Raw videos, or the embedded synthetic set, to a latent cache."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json, progress_bar

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from data_prep.pipeline import Preparation
    from lt_bench.config import DataConfig
    from lt_bench.data.cache import LatentCache
    from lt_bench.shapes import UInt8

DATASETS = ("synthetic", "grid-sample", "folder", "hdtf", "celebv-hq")
RESOLUTIONS = {"synthetic": 64, "grid-sample": 128, "folder": 128}
"""Where ``--resolution`` is not given."""
POLL = 2.0
"""Seconds between two looks at a cache that another process prepares."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("dataset", choices=DATASETS, help="what to prepare")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of the data configuration")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the cache")
    parser.add_argument("--folder", default="", metavar="DIR", help="folder of videos, for the data set 'folder'")
    parser.add_argument("--codec", default="dct", help="dct (default), taef2, kl:PATH or dc:PATH")
    parser.add_argument("--speech-encoder", default="log_mel", help="log_mel (default), moonshine or wav2vec2:PATH")
    parser.add_argument(
        "--resolution", type=int, help="side of the square frames in pixels (default: 64 synthetic, 128 real)"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one a CPU, at most 8)")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prepare and report; 0 when the cache is complete, even if some clips were rejected (they are listed)."""
    config = data_config(arguments)
    workers = _workers(arguments.workers)
    from data_prep.pipeline import prepare

    with progress_bar() as bar:
        task = bar.add_task(f"preparing {config.dataset}", total=None)
        done = prepare(config, workers, lambda now, total: bar.update(task, completed=now, total=total))
    report = report_of(done)
    if arguments.json:
        print_json(report)
    else:
        _print_tables(report)
    return 0


def data_config(arguments: argparse.Namespace) -> DataConfig:
    """The data configuration that the arguments make; overrides come last.

    Raises:
        ConfigError: an override is no key of the configuration.
    """
    from lt_bench.config import DataConfig, parse_config
    from lt_bench.config.load import apply_overrides

    document: dict[str, Any] = {
        "dataset": arguments.dataset,
        "cache": arguments.out,
        "resolution": arguments.resolution or RESOLUTIONS[arguments.dataset],
        "codec": arguments.codec,
        "speech_encoder": arguments.speech_encoder,
        "folder": arguments.folder,
    }
    return parse_config(DataConfig, apply_overrides(document, arguments.overrides), "arguments")


def ensure_cache(config: DataConfig, workers: int | None = None, console: Console | None = None) -> LatentCache:
    """Open the cache of a configuration; prepare it, or what is missing of it, first.

    Args:
        config: what the cache must hold.
        workers: processes; one a CPU by default.
        console: where progress is shown; stderr by default.

    Raises:
        CacheError: the folder holds a cache of other settings, or no clip is usable.
    """
    from data_prep.pipeline import open_complete, prepare

    cache = open_complete(config)
    if cache is not None:
        return cache
    with progress_bar() as bar:
        task = bar.add_task(f"preparing {config.dataset}", total=None)
        done = prepare(config, workers, lambda now, total: bar.update(task, completed=now, total=total))
    for clip in done.rejected:
        (console or bar.console).print(f"rejected {clip.source}: {clip.reason}", markup=False, highlight=False)
    return done.cache


def wait_for_cache(config: DataConfig) -> LatentCache:
    """The cache of a configuration that another process of the same run is preparing."""
    from data_prep.pipeline import open_complete

    while (cache := open_complete(config)) is None:
        time.sleep(POLL)
    return cache


def square_portrait(picture: UInt8[np.ndarray, "H W 3"], side: int, face: bool) -> UInt8[np.ndarray, "side side 3"]:
    """A portrait as models are trained on it: cut out and resized like a frame of a prepared clip.

    Args:
        picture: RGB, 0..255.
        side: of the result, in pixels.
        face: crop around the face, as real clips are; else take the centre square.

    Raises:
        FaceError: no face, or it is too small.
        AssetError: the face landmarker's weights are not here.
    """
    from data_prep.crop import Crop, apply_crop
    from data_prep.crop_methods import stable_crop

    height, width = picture.shape[:2]
    if face:
        from lt_bench.perception.faces import FaceLandmarker

        with FaceLandmarker() as landmarker:
            crop = stable_crop(landmarker.track([picture]).landmarks)
    else:
        shorter = min(height, width)
        crop = Crop((width - shorter) // 2, (height - shorter) // 2, shorter)
    return apply_crop(picture, crop, side)


def report_of(done: Preparation) -> dict[str, Any]:
    """The JSON document of a preparation."""
    cache = done.cache
    return {
        "cache": str(cache.path),
        "hash": cache.hash,
        "dataset": cache.info.dataset,
        "resolution": cache.info.resolution,
        "codec": cache.info.codec.name,
        "speech_encoder": cache.info.speech.name,
        **contents(cache),
        "rejected": [vars(clip) for clip in done.rejected],
        "prepared_now": done.prepared,
        "seconds": round(done.seconds, 3),
    }


def contents(cache: LatentCache) -> dict[str, Any]:
    """What a cache holds: clips, frames and bytes, in all and by split."""
    splits = {}
    for split in ("train", "validation", "test"):
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
    """A table of ``contents`` by split."""
    from rich.table import Table

    table = Table("split", "identities", "clips", "gallery", "frames", title=f"{report['dataset']}: {report['cache']}")
    for column in table.columns[1:]:
        column.justify = "right"
    for split, row in report["splits"].items():
        table.add_row(split, *(str(row[key]) for key in ("identities", "clips", "gallery", "frames")))
    return table


def _print_tables(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(split_table(report))
    if report["rejected"]:
        table = Table("clip", "source", "reason", title="rejected")
        for clip in report["rejected"]:
            table.add_row(clip["id"], clip["source"], clip["reason"])
        console.print(table)
    console.print(
        f"{report['clips']} clips ({report['prepared_now']} made now), {report['frames']} frames, "
        f"{len(report['rejected'])} rejected, {report['bytes'] / 1e6:.1f} MB, {report['seconds']:.1f} s",
        highlight=False,
    )


def _workers(given: int | None) -> int | None:
    from lt_bench.errors import ConfigError

    if given is not None and given < 1:
        raise ConfigError(f"--workers: expected at least 1, got {given}")
    return given
