"""Timing of functions in alternation, so that a busy machine slows all of them equally."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lt_bench.files import write_json


def medians(functions: Mapping[str, Callable[[], Any]], rounds: int, processor: bool = False) -> dict[str, float]:
    """Return the median seconds of each function over ``rounds``; each round calls every function once.

    Args:
        functions: functions by name; each is called once before the first round, to warm caches.
        rounds: number of rounds.
        processor: measure this process's CPU seconds, which other processes affect less, instead of wall time.
    """
    clock = time.process_time if processor else time.perf_counter
    for function in functions.values():
        function()
    found: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            started = clock()
            function()
            found[name].append(clock() - started)
    return {name: statistics.median(values) for name, values in found.items()}


def machine() -> dict[str, Any]:
    """Describe the machine and its load."""
    import torch

    name = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0] if models else name
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_average": round(os.getloadavg()[0], 2),
    }


def report(out: Path | None, document: dict[str, Any], rows: list[tuple[str, ...]], title: str) -> None:
    """Print a table (first row: headings) and write the JSON document."""
    table = Table(*rows[0], title=title)
    for row in rows[1:]:
        table.add_row(*row)
    Console().print(table)
    if out is not None:
        write_json(out, {**document, "machine": machine()})
