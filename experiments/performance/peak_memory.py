"""Measure the peak memory of the commands: the proportional set size of each process tree, sampled while it runs.

    python experiments/performance/peak_memory.py [--only NAME ...] [--out FILE]

Commands run in a temporary folder in this order, so that evaluation starts without stored features. They use the
embedded synthetic set and, if ``LT_BENCH_MIRROR`` has the assets, grid-sample. Models have size tiny, except the
imported one (S, random numbers) and the described one (XL).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import report
from memory import peak
from released_file import write_released

ROOT = Path(__file__).resolve().parents[2]
SMALL = [f"data.synthetic.{kind}_speakers={n}" for kind, n in (("train", 12), ("validation", 2), ("test", 3))]
TWO = "cells=[{portrait: direct, audio: direct}, {portrait: symbiotic, audio: direct}]"
RUN = "runs/quickstart/cells/direct-direct/seed0"
OTHER = "runs/quickstart/cells/symbiotic-direct/seed0"
CACHE = "caches/synthetic-128"
CLIP = f"{CACHE}/real/test/test_spk0000_take0"
QUICKSTART = ["ablate", str(ROOT / "experiments/quickstart.yaml"), "train.steps=10", TWO, *SMALL]
SEARCH = ["search", str(ROOT / "experiments/search/sampler_steps.yaml"), "trials=1", *SMALL]
GRID = ["ablate", str(ROOT / "experiments/fusion_ablation/grid_sample.yaml"), "train.steps=10"]
OPEN = ["--generated", "caches/grid/real/test", "--real", "caches/grid/real/test", "--protocol", "open-v1"]
GENERATE = ["generate", "--checkpoint", f"{RUN}/model.safetensors"]
SENSITIVITY = ["sensitivity", "--real", f"{CACHE}/real/test", "--protocol", "synthetic-v2", "--clips", "1"]
COMMANDS = {
    "prepare grid-sample": ["prepare", "grid-sample", "--out", "caches/grid"],
    "evaluate open-v1": ["evaluate", *OPEN, "--out", "self.json"],
    "ablate grid-sample": GRID,
    "ablate quickstart": QUICKSTART,
    "prepare synthetic": ["prepare", "synthetic", "--out", "caches/alone", "synthetic.train_speakers=12"],
    "train": ["train", "--config", f"{RUN}/config.yaml", "--out", "runs/one"],
    "search sampler_steps": SEARCH,
    "generate": [*GENERATE, "--portrait", f"{CLIP}.png", "--audio", f"{CLIP}.wav", "--out", "one.mp4"],
    "drift": ["drift", f"{CLIP}.mp4", "--identity", "probe", "--out", "drift"],
    "sensitivity": [*SENSITIVITY, "--out", "sensitivity"],
    "compare": ["compare", f"{RUN}/result.json", f"{OTHER}/result.json"],
    "leaderboard": ["leaderboard", "runs/quickstart", "--out", "board"],
    "register": ["register", RUN, "--name", "one"],
    "export-inputs": ["export-inputs", CACHE, "--out", "inputs"],
    "import-checkpoint": ["import-checkpoint", "letstalk", "their.ckpt", "--out", "theirs.safetensors"],
    "model describe XL": ["model", "describe", "XL"],
    "cache verify": ["cache", "verify", CACHE],
    "assets verify": ["assets", "verify"],
    "doctor": ["doctor"],
}
"""Commands by their name."""
PINNED = ("prepare grid-sample", "evaluate open-v1", "ablate grid-sample")
"""Commands that need pinned assets."""
LONG = ("ablate grid-sample", "prepare synthetic", "sensitivity")
"""Long commands; without them, every verb except ``sensitivity`` is still measured."""
CODES = {"evaluate open-v1": 1, "sensitivity": 1}
"""Exit codes of commands that do not end with 0. PSNR of a video against itself has no value, so it is unscored; on one
clip, no metric detects some kinds of damage."""


def measure(name: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Run one command to its end, with its output in ``folder/log.txt``."""
    mirror = os.environ.get("LT_BENCH_MIRROR")
    environment = {**os.environ, "LT_BENCH_CACHE": str(folder / "user-cache")}
    environment |= {"LT_BENCH_MIRROR": str(Path(mirror).resolve())} if mirror else {}
    command = [sys.executable, "-m", "lt_bench", *arguments]
    with (folder / "log.txt").open("ab") as log:
        found = peak(command, cwd=folder, stdout=log, stderr=log, env=environment)
    return {"name": name, "command": " ".join(["lt-bench", *arguments]).replace(f"{ROOT}/", ""), **asdict(found)}


def main() -> int:
    """Measure all commands, print a table and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, help="those alone")
    parser.add_argument("--quick", action="store_true", help=f"leave out what takes minutes: {', '.join(LONG)}")
    parser.add_argument("--out", type=Path, help="result file to write")
    arguments = parser.parse_args()
    names = [name for name in arguments.only or COMMANDS if not (arguments.quick and name in LONG)]
    left = [name for name in names if name in PINNED and "LT_BENCH_MIRROR" not in os.environ]
    if left:
        names = [name for name in names if name not in left]
        print(f"left out, for LT_BENCH_MIRROR is not set: {', '.join(left)}", file=sys.stderr)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        write_released(Path(temporary) / "their.ckpt")
        for name in names:
            found.append(measure(name, COMMANDS[name], Path(temporary)))
            print(name, "ended", flush=True)
            if found[-1]["code"] != CODES.get(name, 0):
                print((Path(temporary) / "log.txt").read_text(errors="replace")[-600:], file=sys.stderr)
    rows: list[tuple[str, ...]] = [("command", "GiB", "processes", "seconds", "exit code")]
    for one in found:
        figures = (f"{one['peak_bytes'] / 2**30:.2f}", one["processes"], one["seconds"], one["code"])
        rows.append((one["name"], *map(str, figures)))
    report(arguments.out, {"measure": "peak PSS of the process tree", "commands": found}, rows, "Memory of commands")
    return 1 if any(one["code"] != CODES.get(one["name"], 0) for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
