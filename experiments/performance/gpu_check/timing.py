"""Seconds of what a device does."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

WARM_UP = 2
"""Calls before the first that is timed."""


def median_seconds(run: Callable[[], object], device: str, rounds: int) -> float:
    """Median seconds of a call, each with all that it starts on the device."""
    for _ in range(WARM_UP):
        run()
    taken = []
    for _ in range(rounds):
        wait(device)
        started = time.perf_counter()
        run()
        wait(device)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def mean_seconds(run: Callable[[], object], device: str, rounds: int) -> float:
    """Mean seconds of calls that follow each other without waiting, as training steps do."""
    for _ in range(WARM_UP):
        run()
    wait(device)
    started = time.perf_counter()
    for _ in range(rounds):
        run()
    wait(device)
    return (time.perf_counter() - started) / rounds


def wait(device: str) -> None:
    """Until the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
