"""Duration of a grid: a simulation of the runner's order with the seconds of each model."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Remaining work of one model, in seconds."""

    training: float
    rest: float
    """Seconds for generation and scoring."""
    waits_for: int | None = None
    """Index of the model whose unfinished training this one shares; None if it waits for none."""


def wall_time(loads: Sequence[Load], workers: int) -> float:
    """Return the seconds until all models are done with this number of workers, each as fast as if it were alone.

    Models start in order. One that shares a training starts when that training is over, and a free worker takes the
    next model that can start, as in ``lt_bench.ablation.grid_runner``.
    """
    waiting = list(range(len(loads)))
    trained: dict[int, float] = {}
    free = [0.0] * workers
    heapq.heapify(free)
    last = 0.0
    while waiting:
        now = heapq.heappop(free)
        begins = {k: max(now, _ready(loads[k], trained)) for k in waiting}
        soonest = min(begins.values())
        k = next(k for k in waiting if begins[k] == soonest)
        waiting.remove(k)
        trained[k] = soonest + loads[k].training
        end = trained[k] + loads[k].rest
        heapq.heappush(free, end)
        last = max(last, end)
    return last


def _ready(load: Load, trained: dict[int, float]) -> float:
    if load.waits_for is None:
        return 0.0
    return trained.get(load.waits_for, float("inf"))
