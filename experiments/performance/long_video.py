"""How much memory does a clip's length cost? Peak of a process that prepares one filmed clip of 75 frames, and of more.

    python experiments/performance/long_video.py VIDEO [--frames 1000] [--out experiments/performance/long_video.json]

The longer video is the given one, repeated. Each length is prepared in a process of its own. What ten minutes (15,000
frames) take is extrapolated from the growth per frame, and called so.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from measure import report

from data_prep.pipeline import prepare
from lt_bench.config import DataConfig
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video

TEN_MINUTES = 15_000


def repeated(video: Path, frames: int, out: Path) -> None:
    """Write the video over and over, to and fro, up to a length."""
    pictures, sound = read_frames(video), read_audio(video)
    order = (i for _ in range(frames) for i in (*range(len(pictures)), *reversed(range(len(pictures)))))
    write_video(out, (pictures[i] for i in islice(order, frames)), audio=np.resize(sound, frames * 640))


def child(folder: Path) -> None:
    """Prepare the folder's video and print what it took."""
    config = DataConfig(dataset="folder", folder=str(folder), cache=f"{folder}-cache", resolution=128)
    quality = replace(config.quality, scene_threshold=0.0, max_offset=None)
    done = prepare(replace(config, quality=quality), workers=1)
    print(json.dumps({"frames": done.cache.records()[0].frames, "peak_mb": peak_mb()}))


def peak_mb() -> int:
    """Largest memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Memory by the length of a clip.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.video)
        return
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in (75, arguments.frames):
            films = Path(folder) / str(frames)
            repeated(arguments.video, frames, films / "film.mp4")
            command = [sys.executable, __file__, str(films), "--child"]
            found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    small, large = found
    slope = (large["peak_mb"] - small["peak_mb"]) / (large["frames"] - small["frames"])
    guess = round(large["peak_mb"] + slope * (TEN_MINUTES - large["frames"]))
    rows = [("frames", "peak MB"), *((str(f["frames"]), str(f["peak_mb"])) for f in found)]
    rows.append((f"{TEN_MINUTES} (extrapolated)", f"at most {guess}"))
    report(arguments.out, {"measured": found, "extrapolated_peak_mb_of_15000_frames": guess}, rows, "Memory by length")


if __name__ == "__main__":
    main()
