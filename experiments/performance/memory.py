"""Peak memory of a command: the proportional set size (PSS) of its whole process tree, sampled as it runs.

Shared pages count once, as the kernel shares them out between processes.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

EVERY = 0.1
"""Least seconds between samples."""
SHARE = 0.05
"""Of the time, at most, goes into taking them: they cost more the more memory there is, and slow what they watch."""


@dataclass(frozen=True)
class Peak:
    """One command's use of the machine."""

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
