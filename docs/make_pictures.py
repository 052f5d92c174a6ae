"""Make the pictures of the README from finished runs: a contact sheet, and a looping animation.

    python docs/make_pictures.py --rendered runs/quickstart --real runs/grid-sample

Each row of the sheet shows frames of one video; the real clip comes first, then every cell of the grid.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

from lt_bench.config import RunConfig, load_config
from lt_bench.media.video import read_frames

HERE = Path(__file__).parent
LABEL_HEIGHT, LABEL_WIDTH, GAP = 20, 150, 8
WHITE, BLACK = (255, 255, 255), (30, 30, 30)


@dataclass(frozen=True)
class Videos:
    """The real clip of one test speaker and what every cell made of its portrait and voice."""

    clip: str
    real: UInt8[ndarray, "F H W 3"]
    cells: dict[str, UInt8[ndarray, "F H W 3"]]


def run_videos(run: Path, cache: Path, clips: list[str]) -> list[Videos]:
    """Read the videos of some test clips of a finished ablation with one seed."""
    generated = {folder.name: folder / "seed0" / "videos" for folder in sorted((run / "cells").iterdir())}
    return [
        Videos(
            clip,
            read_frames(cache / "real" / "test" / f"{clip}.mp4"),
            {name: read_frames(folder / f"{clip}.mp4") for name, folder in generated.items()},
        )
        for clip in clips
    ]


def contact_sheet(videos: list[Videos], columns: int) -> Image.Image:
    """Frames at even spacing, one row a video, with the name of the cell at its left."""
    rows = [(name, frames) for video in videos for name, frames in [("real", video.real), *video.cells.items()]]
    side = videos[0].real.shape[1]
    sheet = Image.new("RGB", (LABEL_WIDTH + columns * side, len(rows) * side), WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (name, frames) in enumerate(rows):
        draw.text((4, row * side + side // 2 - 8), name, fill=BLACK, font=font)
        for column, index in enumerate(np.linspace(16, len(frames) - 4, columns).round().astype(int)):
            sheet.paste(Image.fromarray(frames[index]), (LABEL_WIDTH + column * side, row * side))
    return sheet


def animation_frames(groups: list[tuple[str, list[UInt8[ndarray, "F H W 3"]]]], count: int) -> list[Image.Image]:
    """Frames of a loop: labelled columns, in each the videos of one system below each other.

    The loop plays forwards, then backwards, so that it has no jump.
    """
    side, rows = groups[0][1][0].shape[1], len(groups[0][1])
    font, made = ImageFont.load_default(14), []
    for index in range(count):
        picture = Image.new("RGB", (len(groups) * (side + GAP) - GAP, LABEL_HEIGHT + rows * (side + GAP) - GAP), WHITE)
        draw = ImageDraw.Draw(picture)
        for column, (name, videos) in enumerate(groups):
            draw.text((column * (side + GAP) + 4, 2), name, fill=BLACK, font=font)
            for row, frames in enumerate(videos):
                at = (column * (side + GAP), LABEL_HEIGHT + row * (side + GAP))
                picture.paste(Image.fromarray(frames[16 + index]), at)
        made.append(picture)
    return made + made[-2:0:-1]


def main() -> None:
    """Write the sheets and the animation next to this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rendered", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--real", type=Path, help="finished run on grid-sample (default: none shown)")
    parser.add_argument("--best", default="direct-direct", help="cell of the animation")
    parser.add_argument("--clips", type=int, default=2, help="speakers of the sheet and the animation")
    parser.add_argument("--frames", type=int, default=36, help="frames of the loop before it turns back")
    arguments = parser.parse_args()
    rendered = run_videos(arguments.rendered, *_cache_and_clips(arguments.rendered, arguments.clips))
    contact_sheet(rendered, columns=8).save(HERE / "quickstart_frames.png", optimize=True)
    groups = [("real (rendered)", [v.real for v in rendered])]
    groups.append(("generated", [v.cells[arguments.best] for v in rendered]))
    if arguments.real:
        people = run_videos(arguments.real, *_cache_and_clips(arguments.real, arguments.clips))
        contact_sheet(people, columns=8).save(HERE / "grid_sample_frames.png", optimize=True)
        groups.append(("real (GRID)", [v.real for v in people]))
        groups.append(("generated", [v.cells[arguments.best] for v in people]))
    first, *rest = animation_frames(groups, arguments.frames)
    first.save(HERE / "faces.webp", save_all=True, append_images=rest, duration=40, loop=0, quality=80, method=6)


def _cache_and_clips(run: Path, count: int) -> tuple[Path, list[str]]:
    """The cache of a run, and its first test clips."""
    config = load_config(RunConfig, next((run / "cells").glob("*/seed0/config.yaml")))
    cache = Path(config.data.cache)
    clips = json.loads((cache / "real" / "test" / "manifest.json").read_text())["clips"]
    return cache, [clip["id"] for clip in clips if clip["role"] == "clip"][:count]


if __name__ == "__main__":
    main()
