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
LABEL_HEIGHT, LABEL_WIDTH, GAP = 20, 150, 6
SPEAKERS, SHEET_SPEAKERS = 5, 2
"""Test speakers in the animation and on the sheet of rendered faces: the first ones, unselected."""
FIRST_FRAME = 16
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
        for column, index in enumerate(np.linspace(FIRST_FRAME, len(frames) - 4, columns).round().astype(int)):
            sheet.paste(Image.fromarray(frames[index]), (LABEL_WIDTH + column * side, row * side))
    return sheet


@dataclass(frozen=True)
class Row:
    """A labelled row of an animation: one video a speaker."""

    label: str
    videos: list[UInt8[ndarray, "F H W 3"]]


def animation_frames(rows: list[Row], count: int) -> list[Image.Image]:
    """Frames of a loop that plays forwards, then backwards, so that it has no jump."""
    side, columns = rows[0].videos[0].shape[1], max(len(row.videos) for row in rows)
    width, height = columns * (side + GAP) - GAP, len(rows) * (side + LABEL_HEIGHT + GAP) - GAP
    font, made = ImageFont.load_default(14), []
    for index in range(FIRST_FRAME, FIRST_FRAME + count):
        picture = Image.new("RGB", (width, height), WHITE)
        draw = ImageDraw.Draw(picture)
        for number, row in enumerate(rows):
            top = number * (side + LABEL_HEIGHT + GAP)
            draw.text((2, top + 1), row.label, fill=BLACK, font=font)
            for column, frames in enumerate(row.videos):
                picture.paste(Image.fromarray(frames[index]), (column * (side + GAP), top + LABEL_HEIGHT))
        made.append(picture)
    return made + made[-2:0:-1]


def main() -> None:
    """Write the sheets and the animation next to this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rendered", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--real", type=Path, help="finished run on grid-sample (default: none shown)")
    parser.add_argument(
        "--best", default="symbiotic-direct", help="cell of the rendered rows (default: LetsTalk's choice)"
    )
    parser.add_argument("--real-best", default="symbiotic-direct", help="cell of the real speakers' rows")
    parser.add_argument("--seen", type=Path, help="video of a training speaker with a test speaker's voice")
    parser.add_argument("--seen-clip", default="pwij3p", help="the training clip whose portrait it was made from")
    parser.add_argument("--frames", type=int, default=48, help="frames of the loop before it turns back")
    arguments = parser.parse_args()
    rendered = run_videos(arguments.rendered, *_cache_and_clips(arguments.rendered, SPEAKERS))
    contact_sheet(rendered[:SHEET_SPEAKERS], columns=8).save(HERE / "quickstart_frames.png", optimize=True)
    rows = [
        Row("rendered test speakers: real clips", [v.real for v in rendered]),
        Row("generated from a portrait and the voice", [v.cells[arguments.best] for v in rendered]),
    ]
    if arguments.real:
        cache, clips = _cache_and_clips(arguments.real, SPEAKERS)
        people = run_videos(arguments.real, cache, clips)
        contact_sheet(people, columns=8).save(HERE / "grid_sample_frames.png", optimize=True)
        real, made = [v.real for v in people], [v.cells[arguments.real_best] for v in people]
        also = ""
        if arguments.seen:
            real.append(read_frames(cache / "real" / "train" / f"{arguments.seen_clip}.mp4"))
            made.append(read_frames(arguments.seen))
            also = ", and one of the training speakers"
        rows.append(Row(f"GRID test speakers{also}: real clips", real))
        rows.append(Row("generated after training on seven people", made))
    first, *rest = animation_frames(rows, arguments.frames)
    first.save(HERE / "faces.webp", save_all=True, append_images=rest, duration=40, loop=0, quality=80, method=6)


def _cache_and_clips(run: Path, count: int) -> tuple[Path, list[str]]:
    """The cache of a run, and its first test clips."""
    config = load_config(RunConfig, next((run / "cells").glob("*/seed0/config.yaml")))
    cache = Path(config.data.cache)
    clips = json.loads((cache / "real" / "test" / "manifest.json").read_text())["clips"]
    return cache, [clip["id"] for clip in clips if clip["role"] == "clip"][:count]


if __name__ == "__main__":
    main()
