"""Peak memory of ``lt-bench evaluate`` against the length of videos and against their number.

    python experiments/performance/evaluation_memory.py --out experiments/performance/evaluation_memory.json

Scores grid-sample, square and 256 px wide, against copies that went through H.264. Longer videos play clips back and
forth; more videos begin at other frames, so that no two files have the same bytes and each is measured. Memory is the
proportional set size (PSS) of the whole process tree, sampled ten times a second; every run has a store of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from grid_videos import write_sides
from measure import report

SIDE = 256
EVERY = 0.1
"""Seconds between samples."""
PIXELS = """
id: pixels
version: 1
about: Scores of pixels alone, for measuring memory.
fps: 25.0
min_frames: 50
scores: [{name: psnr}, {name: ssim}, {name: motion_ratio}, {name: flicker_ratio}, {name: sharpness}]
"""
CASES = (
    ("pixels", 75, 3), ("pixels", 750, 3), ("pixels", 2250, 3), ("pixels", 75, 30), ("pixels", 75, 90),
    ("open-v1", 75, 3), ("open-v1", 750, 3), ("open-v1", 75, 30),
)  # fmt: skip
"""Protocol, frames a video, videos."""


def tree_bytes(process: psutil.Process) -> int:
    """Proportional set size of a process and all below it."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def peak(command: list[str]) -> tuple[int, float]:
    """Largest memory of a command in bytes, and its seconds."""
    started, most = time.perf_counter(), 0
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            most = max(most, tree_bytes(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(EVERY)
    if child.wait() != 0:
        raise SystemExit(f"{' '.join(command)}: ended with status {child.returncode}")
    return most, time.perf_counter() - started


def measure(protocol: str, frames: int, videos: int, folder: Path) -> dict[str, Any]:
    """One evaluation."""
    sides = folder / f"{frames}_{videos}"
    write_sides(sides, SIDE, frames, videos)
    rules = folder / "pixels.yaml"
    rules.write_text(PIXELS)
    command = [sys.executable, "-m", "lt_bench", "evaluate", "--generated", str(sides / "generated")]
    command += ["--real", str(sides / "real"), "--protocol", str(rules) if protocol == "pixels" else protocol]
    most, seconds = peak([*command, "--store", str(folder / f"store_{protocol}_{frames}_{videos}")])
    row = {"protocol": protocol, "frames": frames, "videos": videos, "peak_mib": round(most / 2**20)}
    print({**row, "seconds": round(seconds)}, flush=True)
    return {**row, "seconds": round(seconds, 1)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=["pixels", "open-v1"], help="of one protocol only")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cases = [case for case in CASES if arguments.protocol in (None, case[0])]
        rows = [measure(*case, Path(name)) for case in cases]
    head = ("protocol", "frames", "videos", "peak MiB", "seconds")
    document = {"what": "peak PSS of the process tree, MiB", "side": SIDE, "rows": rows}
    report(arguments.out, document, [head, *(tuple(map(str, row.values())) for row in rows)], "Memory of evaluations")


if __name__ == "__main__":
    main()
