"""Measure the peak memory of ``lt-bench evaluate`` against the length and the number of videos.

    python experiments/performance/evaluation_memory.py --out experiments/performance/evaluation_memory.json

Scores grid-sample, square and 256 px wide, against copies after H.264 compression. Longer videos play clips back and
forth. Additional videos start at other frames, so that all files differ and each is measured. Memory is the
proportional set size (PSS) of the whole process tree; every run has a separate store. ``--quick`` takes a minute, with
shorter videos and one number of videos.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from grid_videos import write_sides
from measure import report
from memory import peak

SIDE = 256
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
"""Protocol, frames per video, number of videos."""
QUICK = (("pixels", 75, 1), ("pixels", 750, 1), ("open-v1", 75, 1), ("open-v1", 225, 1))


def measure(protocol: str, frames: int, videos: int, folder: Path) -> dict[str, Any]:
    """Measure one evaluation in a separate process."""
    sides = folder / f"{frames}_{videos}"
    write_sides(sides, SIDE, frames, videos)
    rules = folder / "pixels.yaml"
    rules.write_text(PIXELS)
    command = [sys.executable, "-m", "lt_bench", "evaluate", "--generated", str(sides / "generated")]
    command += ["--real", str(sides / "real"), "--protocol", str(rules) if protocol == "pixels" else protocol]
    command += ["--store", str(folder / f"store_{protocol}_{frames}_{videos}")]
    found = peak(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if found.code:
        raise SystemExit(f"{' '.join(command)}: ended with status {found.code}")
    row = {"protocol": protocol, "frames": frames, "videos": videos, "peak_mib": round(found.peak_bytes / 2**20)}
    print(row, flush=True)
    return {**row, "seconds": found.seconds}


def main() -> None:
    """Measure all cases, print a table and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=["pixels", "open-v1"], help="of one protocol only")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter videos")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cases = [case for case in (QUICK if arguments.quick else CASES) if arguments.protocol in (None, case[0])]
        rows = [measure(*case, Path(name)) for case in cases]
    head = ("protocol", "frames", "videos", "peak MiB", "seconds")
    document = {"what": "peak PSS of the process tree, MiB", "side": SIDE, "rows": rows}
    report(arguments.out, document, [head, *(tuple(map(str, row.values())) for row in rows)], "Memory of evaluations")


if __name__ == "__main__":
    main()
