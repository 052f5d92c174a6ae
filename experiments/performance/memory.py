"""Peak memory of a command: the proportional set size (PSS) of its process tree, sampled while it runs.

Shared pages are divided between processes, so they count once.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

EVERY = 0.1
"""Minimum number of seconds between samples."""
SHARE = 0.05
"""Maximum share of the time for sampling, whose cost grows with the memory and slows the command."""


@dataclass(frozen=True)
class Peak:
    """Peak use of the machine by one command."""

    code: int
    peak_bytes: int
    processes: int
    """Largest number of processes at one time."""
    seconds: float


def tree_bytes(process: psutil.Process) -> tuple[int, int]:
    """Return the proportional set size, in bytes, and the number of the processes in a tree."""
    total, count = 0, 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
            count += 1
        except psutil.NoSuchProcess:
            continue
    return total, count


def peak(command: list[str], **options: Any) -> Peak:
    """Run a command to its end; ``options`` are those of ``subprocess.Popen``."""
    started, largest, most = time.perf_counter(), 0, 0
    child = subprocess.Popen(command, **options)
    process = psutil.Process(child.pid)
    while child.poll() is None:
        begun = time.perf_counter()
        try:
            found, count = tree_bytes(process)
        except psutil.NoSuchProcess:
            break
        largest, most = max(largest, found), max(most, count)
        with suppress(subprocess.TimeoutExpired):  # not a sleep: the command's end is not to wait for the next sample
            child.wait(max(EVERY, (time.perf_counter() - begun) / SHARE))
    return Peak(child.wait(), largest, most, round(time.perf_counter() - started, 2))
