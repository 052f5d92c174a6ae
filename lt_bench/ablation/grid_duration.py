"""How long a grid takes: the runner's order played through with the seconds of each model."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What is left of one model, in seconds."""

    training: float
    rest: float
    """Generating and scoring."""
    waits_for: int | None = None
    """Place of the model that trains for it and is not trained yet; None where it waits for none."""


def wall_time(loads: Sequence[Load], workers: int) -> float:
    """Seconds until all are done with so many workers, each as fast as if it were alone.

    Models begin in order; one that shares a training begins once that is over, and a free worker takes the next one
    that can begin, as ``lt_bench.ablation.grid_runner`` does.
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
