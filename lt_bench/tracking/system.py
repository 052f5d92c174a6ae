"""``system.csv``: machine usage of a run, sampled every few seconds, with MLflow's names."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

EVERY = 10.0
"""Seconds between two samples."""
MIB = 2**20


def sample() -> dict[str, float]:
    """Measure the current use of processor, memory and GPUs; percent since the previous sample, mebibytes."""
    memory, process = psutil.virtual_memory(), psutil.Process()
    values = {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / MIB,
        "system_memory_usage_percentage": memory.percent,
        "process_memory_megabytes": process.memory_info().rss / MIB,
    }
    return values | _gpus()


def _gpus() -> dict[str, float]:
    import torch

    values: dict[str, float] = {}
    if not torch.cuda.is_initialized():  # a query would start CUDA in a process that does not use it
        return values
    # Other GPUs are queried through NVIDIA's management library, because CUDA would use half a gigabyte on each.
    own = torch.cuda.current_device()
    free, total = torch.cuda.mem_get_info(own)
    values[f"gpu_{own}_memory_usage_megabytes"] = (total - free) / MIB
    for k in range(torch.cuda.device_count()):
        try:
            values[f"gpu_{k}_utilization_percentage"] = float(torch.cuda.utilization(k))
            values[f"gpu_{k}_memory_usage_megabytes"] = torch.cuda.device_memory_used(k) / MIB
        except (ModuleNotFoundError, RuntimeError):  # the library is missing
            continue
    return values


class SystemSampler:
    """Writes samples in a thread while its block runs; a resumed run appends."""

    def __init__(self, path: Path, every: float | int = EVERY) -> None:
        self.path, self.every = path, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="system", daemon=True)

    def __enter__(self) -> SystemSampler:
        psutil.cpu_percent()  # percentages are measured from this call
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self.every):
            try:
                self._write(sample())
            except OSError:  # a full disk, which the run itself reports
                continue

    def _write(self, values: dict[str, float]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        now = round(time.time(), 3)
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([now, name, round(value, 3)] for name, value in values.items())


def read_samples(path: Path) -> list[tuple[float, str, float]]:
    """Read seconds since the first sample, name and value; skip a line cut off by a killed process."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in map(_parsed, csv.reader(stream)) if row is not None]
    begun = rows[0][0] if rows else 0.0
    return [(when - begun, name, value) for when, name, value in rows]


def _parsed(row: list[str]) -> tuple[float, str, float] | None:
    try:
        when, name, value = row
        return float(when), name, float(value)
    except ValueError:
        return None
