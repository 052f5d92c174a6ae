"""Measure identity, color and sharpness of long videos against time, as JSON and as a plot.

Color is the mean and deviation of CIE L*, a*, b*; sharpness is the variance of the Laplacian; identity is the distance
of each second's face embeddings to the reference: --reference, or the video's own first second with a face. Compare
with the real video if there is one, because real people move, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json, progress_bar

if TYPE_CHECKING:
    from lt_bench.evaluation.drift.measurement import Drift

FORMAT, VERSION = "lt_bench drift", 1
DRIFT_FILE, PLOT_FILE = "drift.json", "drift.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO", help="videos of at least 2 s")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help=f"gets {DRIFT_FILE} and {PLOT_FILE}")
    parser.add_argument(
        "--real", type=Path, metavar="PATH", help="the real video, or a folder of them with the same file names"
    )
    parser.add_argument("--reference", type=Path, metavar="PICTURE", help="whose face it should stay")
    parser.add_argument(
        "--identity",
        choices=("dlib", "probe", "none"),
        default="dlib",
        help="embedding: dlib for real faces (default), probe for synthetic ones, none to leave it out",
    )
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the videos, write the files and report."""
    import dataclasses

    from lt_bench.evaluation.drift.drift_plot import plot_drift
    from lt_bench.files import write_json

    real_paths = [_real(arguments.real, video) for video in arguments.videos]
    measured = list(_measured(arguments, [*arguments.videos, *[path for path in real_paths if path is not None]]))
    videos, rest = measured[: len(real_paths)], iter(measured[len(real_paths) :])
    real = [None if path is None else next(rest) for path in real_paths]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "identity": arguments.identity,
        "reference": None if arguments.reference is None else arguments.reference.name,
        "videos": [dataclasses.asdict(video) for video in videos],
        "real": [None if drift is None else dataclasses.asdict(drift) for drift in real],
    }
    write_json(arguments.out / DRIFT_FILE, document)
    plot_drift(arguments.out / PLOT_FILE, videos, real)
    if arguments.json:
        print_json(document)
    else:
        _print_table(videos, real)
        print(arguments.out / PLOT_FILE)
    return 0


def _real(given: Path | None, video: Path) -> Path | None:
    from lt_bench.errors import MediaError

    if given is None:
        return None
    path = given / video.name if given.is_dir() else given
    if not path.is_file():
        raise MediaError(f"--real: expected the real video of {video.name}, got nothing at {path}")
    return path


def _measured(arguments: argparse.Namespace, paths: list[Path]) -> Iterator[Drift]:
    from lt_bench.evaluation.drift.measurement import EMBEDDERS, measure_drift
    from lt_bench.media.image import read_image
    from lt_bench.media.video import probe_video

    for path in paths:  # unreadable ones are found before any is measured
        probe_video(path)
    reference = None if arguments.reference is None else read_image(arguments.reference)
    with EMBEDDERS[arguments.identity]() as embed, progress_bar() as bar:
        task = bar.add_task("measuring", total=len(paths))
        for path in paths:
            yield measure_drift(path, embed, reference)
            bar.advance(task)


def _print_table(videos: list[Drift], real: list[Drift | None]) -> None:
    from rich.console import Console
    from rich.table import Table

    for video, truth in zip(videos, real, strict=True):
        table = Table(title=f"{Path(video.video).name}, {video.seconds} s", title_justify="left")
        table.add_column("measure", no_wrap=True)
        for who in ("",) if truth is None else ("", "real "):
            for title in ("first", "last", "per min"):
                table.add_column(who + title, justify="right")
        for name in video.trends:
            trends = [drift.trends[name] for drift in (video, truth) if drift is not None]
            cells = [cell for trend in trends for cell in (trend.first, trend.last, trend.slope_per_minute)]
            table.add_row(name, *("-" if cell is None else f"{cell:.4g}" for cell in cells))
        Console().print(table)
