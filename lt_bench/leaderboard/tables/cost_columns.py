"""What a system costs: the numbers of a result's ``meta`` that every table shows beside the scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lt_bench.leaderboard.formats.numbers import (
    Number,
    duration,
    short_bytes,
    short_count,
    short_number,
    short_operations,
)


@dataclass(frozen=True)
class Cost:
    """One cost; lower is better."""

    key: str
    """In ``meta`` and in the CSV."""
    title: str
    """Heading of its column."""
    label: str
    """With its unit, for the axis of a plot."""
    text: Callable[[Number | None], str]
    """Writes a value; an en dash where it is not told."""


COSTS = (
    Cost("train_seconds", "training", "seconds of training", duration),
    Cost("seconds_per_video_second", "s / video s", "seconds of generation per second of video", short_number),
    Cost("parameters", "parameters", "parameters", short_count),
    Cost("macs_per_video_second", "MACs / video s", "multiply-accumulates per second of video", short_operations),
    Cost("peak_memory", "memory", "peak memory of training, in bytes", short_bytes),
)
