"""Measure the peak memory of ``lt-bench prepare folder`` on a video of 3 s and on one of 10 minutes.

    python experiments/performance/long_video.py VIDEO [--frames 75 15000] [--out FILE]

The longer video is the given one, played back and forth. It is one scene and becomes one clip. Lips and voice are
compared too, with a limit that rejects nothing, because repeated sound does not match reversed frames. The largest
resident set of the command's process is reported by the system (one video is prepared in the command's process).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from measure import report

from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video

KEYS = ("quality.scene_threshold=0", "quality.max_offset=15", "quality.duplicates=keep")


def repeated(video: Path, frames: int, out: Path) -> None:
    """Write the video back and forth, up to a length."""
    pictures, sound = read_frames(video), read_audio(video)
    order = (i for _ in range(frames) for i in (*range(len(pictures)), *reversed(range(len(pictures)))))
    write_video(out, (pictures[i] for i in islice(order, frames)), audio=np.resize(sound, frames * 640))


def measure(films: Path, cache: Path) -> dict[str, Any]:
    """Prepare a folder of one video with the command, and return time and memory."""
    command = [sys.executable, "-m", "lt_bench", "prepare", "folder", "--folder", str(films), "--out", str(cache)]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--json", *KEYS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"the command ended with code {process.returncode}")
    done = json.loads(text)
    return {
        "clips": done["clips"],
        "frames": done["frames"],
        "peak_mb": round(used.ru_maxrss / 1024),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall_seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Measure all lengths, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Memory by the length of a clip.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[75, 15_000])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in arguments.frames:
            films = Path(folder) / str(frames)
            repeated(arguments.video, frames, films / "film.mp4")
            found.append(measure(films, Path(folder) / f"{frames}-cache"))
    rows = [("frames", "clips", "peak MB", "CPU s", "wall s")]
    rows += [tuple(str(f[key]) for key in ("frames", "clips", "peak_mb", "cpu_seconds", "wall_seconds")) for f in found]
    document = {"command": "lt-bench prepare folder", "keys": list(KEYS), "video": arguments.video.name}
    report(arguments.out, {**document, "measured": found}, rows, "Memory by length")


if __name__ == "__main__":
    main()
