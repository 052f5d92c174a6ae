"""Measure the cost per video in sets of 10 to 1,000 videos, and the time of a repeated evaluation of 1,000.

    python experiments/performance/many_videos.py [--out experiments/performance/many_videos.json]

The command runs with a protocol of pixel metrics. The videos are small and generated here (12 frames of 64 pixels, all
different), so the result is the cost around a video: pairing, hashes, store, result file, intervals.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measure import report
from memory import peak

from lt_bench.media.video_writer import write_video

SIZES = (10, 100, 1000)
FRAMES, SIDE = 12, 64
RULES = """
id: pixels-short
version: 1
about: Scores of pixels alone, for measuring growth.
fps: 25.0
min_frames: 10
scores: [{name: psnr}, {name: ssim}]
"""


def write_sides(folder: Path, videos: int) -> None:
    """Write videos of a square that moves over noise, and the same with more compression."""
    for number in range(videos):
        rng = np.random.default_rng(number)
        still = rng.integers(0, 64, (SIDE, SIDE, 3), np.uint8)
        frames = np.repeat(still[None], FRAMES, axis=0)
        for k in range(FRAMES):
            frames[k, 2 * k : 2 * k + 20, 10:30] = 200
        for side, crf in (("real", 12.0), ("generated", 36.0)):
            write_video(folder / side / f"{number:04}.mp4", frames, 25.0, crf=crf, preset="ultrafast")


def measure(videos: int, folder: Path) -> dict[str, Any]:
    """Measure the first and the second evaluation of a number of videos."""
    sides = folder / str(videos)
    write_sides(sides, videos)
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    command = [sys.executable, "-m", "lt_bench", "evaluate", "--generated", str(sides / "generated")]
    command += ["--real", str(sides / "real"), "--protocol", str(rules), "--store", str(sides / "store")]
    row: dict[str, Any] = {"videos": videos}
    for turn in ("first", "again"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = peak(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if found.code:
            raise SystemExit(f"{' '.join(command)}: ended with status {found.code}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        row |= {f"{turn}_cpu_seconds": round(cpu, 2), f"{turn}_wall_seconds": found.seconds}
        row |= {f"{turn}_peak_mib": round(found.peak_bytes / 2**20)}
    print(row, flush=True)
    return row


def main() -> None:
    """Measure all sizes, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Cost of a video by the size of the set.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = [measure(videos, Path(name)) for videos in SIZES]
    small, large = rows[0], rows[-1]
    # The difference removes the cost of a process before its first video.
    rise = (large["first_cpu_seconds"] - small["first_cpu_seconds"]) / (large["videos"] - small["videos"])
    middle = (rows[1]["first_cpu_seconds"] - small["first_cpu_seconds"]) / (rows[1]["videos"] - small["videos"])
    document = {
        "rows": rows,
        "cpu_ms_a_video": {"10 to 100": round(middle * 1e3, 1), "10 to 1000": round(rise * 1e3, 1)},
    }
    report(arguments.out, document, [tuple(small), *(tuple(map(str, row.values())) for row in rows)], "Cost of a video")


if __name__ == "__main__":
    main()
