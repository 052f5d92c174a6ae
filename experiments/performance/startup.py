"""Measure the start-up time of ``lt-bench --help`` and of a bad argument, compared with an empty Python.

    python experiments/performance/startup.py [--rounds 15] [--out experiments/performance/startup.json]

Each run is a separate process, and they take turns. ``python`` is the bound: the interpreter starts and ends.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import medians, report

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "lt-bench --help": [sys.executable, "-m", "lt_bench", "--help"],
    "lt-bench evaluate --help": [sys.executable, "-m", "lt_bench", "evaluate", "--help"],
    "lt-bench train, no such file": [
        sys.executable,
        "-m",
        "lt_bench",
        "train",
        "--config",
        "absent.yaml",
        "--out",
        "x",
    ],
}


def start(command: list[str]) -> None:
    """Run the command and ignore its output."""
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def main() -> None:
    """Measure all commands, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Seconds until a command has begun and ended.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    functions: dict[str, Callable[[], None]] = {name: partial(start, command) for name, command in COMMANDS.items()}
    seconds = {name: round(value, 3) for name, value in medians(functions, arguments.rounds).items()}
    rows = [("command", "seconds"), *((name, str(value)) for name, value in seconds.items())]
    report(arguments.out, {"clock": "wall", "rounds": arguments.rounds, "seconds": seconds}, rows, "Start-up")


if __name__ == "__main__":
    main()
