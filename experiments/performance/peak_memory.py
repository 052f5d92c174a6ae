"""Peak memory of the commands: the proportional set size of each command's whole process tree, sampled as it runs.

    python experiments/performance/peak_memory.py [--only NAME ...] [--json FILE]

Commands run in a temporary folder, in this order (evaluation before anything is kept of those videos), on the embedded
synthetic set and (where ``LT_BENCH_MIRROR`` has the assets) on grid-sample. Shared pages count once, as the kernel
shares them out between processes (PSS).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
EVERY = 0.25
"""Seconds between samples."""
QUICK = ["train.steps=40", "data.synthetic.train_speakers=24", "data.synthetic.test_speakers=4"]
MODEL = "runs/quickstart/cells/direct-direct/seed0/model.safetensors"
TEST = "caches/synthetic-64/real/test"
COMMANDS = {
    "prepare synthetic": ["prepare", "synthetic", "--out", "caches/alone", "synthetic.train_speakers=24"],
    "prepare grid-sample": ["prepare", "grid-sample", "--out", "caches/grid"],
    "evaluate open-v1": [
        "evaluate", "--generated", "caches/grid/real/test", "--real", "caches/grid/real/test",
        "--protocol", "open-v1", "--out", "self.json",
    ],
    "ablate quickstart": ["ablate", str(ROOT / "experiments/quickstart.yaml"), *QUICK],
    "ablate grid-sample": ["ablate", str(ROOT / "experiments/fusion_ablation/grid_sample.yaml"), "train.steps=40"],
    "train": ["train", "--config", "runs/quickstart/cells/direct-direct/seed0/config.yaml", "--out", "runs/one"],
    "generate": [
        "generate", "--checkpoint", MODEL, "--portrait", f"{TEST}/test_spk0000_take0.png",
        "--audio", f"{TEST}/test_spk0000_take0.wav", "--out", "one.mp4",
    ],
    "leaderboard": ["leaderboard", "runs/quickstart", "--out", "board"],
    "model describe XL": ["model", "describe", "XL"],
    "cache verify": ["cache", "verify", "caches/synthetic-64"],
    "assets verify": ["assets", "verify"],
}  # fmt: skip
CODES = {"evaluate open-v1": 1}
"""Of commands that end otherwise than with 0: PSNR of a video against itself has no value, which is a miss."""


@dataclass(frozen=True)
class Peak:
    """One command's use of the machine."""

    name: str
    command: str
    code: int
    peak_bytes: int
    processes: int
    """Most that ran at once."""
    seconds: float


def tree_bytes(process: psutil.Process) -> tuple[int, int]:
    """Proportional set size of a process and all below it, in bytes, and how many they are."""
    total, count = 0, 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
            count += 1
        except psutil.NoSuchProcess:
            continue
    return total, count


def measure(name: str, arguments: list[str], folder: Path) -> Peak:
    """Run one command to its end."""
    mirror = os.environ.get("LT_BENCH_MIRROR")
    environment = {**os.environ, "LT_BENCH_CACHE": str(folder / "user-cache")}
    environment |= {"LT_BENCH_MIRROR": str(Path(mirror).resolve())} if mirror else {}
    begun, peak, most = time.monotonic(), 0, 0
    with (folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "lt_bench", *arguments], cwd=folder, stdout=log, stderr=log, env=environment
        )
        process = psutil.Process(child.pid)
        while child.poll() is None:
            try:
                found, count = tree_bytes(process)
            except psutil.NoSuchProcess:
                break
            peak, most = max(peak, found), max(most, count)
            time.sleep(EVERY)
    code = child.wait()
    shown = " ".join(["lt-bench", *arguments]).replace(str(ROOT) + "/", "")
    return Peak(name, shown, code, peak, most, round(time.monotonic() - begun, 1))


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--json", type=Path, help="result file to write")
    arguments = parser.parse_args()
    peaks = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.only:
            peak = measure(name, COMMANDS[name], Path(temporary))
            peaks.append(peak)
            print(
                f"{name:22s} {peak.peak_bytes / 2**30:6.2f} GiB  {peak.processes} processes  "
                f"{peak.seconds:7.1f} s  exit {peak.code}",
                flush=True,
            )
            if peak.code != CODES.get(name, 0):
                print((Path(temporary) / "log.txt").read_text(errors="replace")[-600:], file=sys.stderr)
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"
    if arguments.json:
        document = {"measure": "peak PSS of the process tree", "machine": machine, "commands": list(map(asdict, peaks))}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    print(machine)
    return 1 if any(peak.code != CODES.get(peak.name, 0) for peak in peaks) else 0


if __name__ == "__main__":
    sys.exit(main())
