"""How numbers and durations are written in tables, pages and progress lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Number = float | int
"""Run-time type checks do not take an int for a float."""


def short_number(value: Number | None) -> str:
    """Three decimals below 1, two up to 100, one up to 1000 and none from there on; an en dash for no value."""
    if value is None:
        return "–"
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1e7:
        return f"{value:,.{_decimals(value)}f}"
    return f"{value:.2e}"


def short_spread(spread: Number, value: Number) -> str:
    """A standard deviation with as many decimals as the value it belongs to."""
    return f"{spread:,.{max(_decimals(value), 1)}f}"


def _decimals(value: Number) -> int:
    size = abs(value)
    return 0 if value == 0 or size >= 1000 else 3 if size < 1 else 2 if size < 100 else 1


def short_count(value: Number | None) -> str:
    """A count with a thousands suffix: 2.4M, 670.9M, 52.0k."""
    return _with_suffix(value, {1e9: "B", 1e6: "M", 1e3: "k"})


def short_operations(value: Number | None) -> str:
    """A count of operations, as papers abbreviate it: 3.4T, 270.1G."""
    return _with_suffix(value, {1e12: "T", 1e9: "G", 1e6: "M"})


def short_bytes(value: Number | None) -> str:
    """Bytes as 512 MiB or 1.4 GiB; an en dash for no value."""
    if value is None:
        return "–"
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def duration(seconds: Number | None) -> str:
    """Seconds as 4.2 s, 3 min 05 s or 2 h 07 min; an en dash for no value."""
    if seconds is None:
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def tick_labels(ticks: Sequence[Number]) -> list[str]:
    """Ticks with as many decimals as tell them apart, and a suffix for thousands and millions."""
    if not ticks:
        return []
    largest = max(abs(tick) for tick in ticks)
    scale, suffix = next(((s, t) for s, t in ((1e9, "B"), (1e6, "M"), (1e4, "k")) if largest >= s), (1.0, ""))
    scale = 1e3 if suffix == "k" else scale
    for decimals in range(7):
        written = [f"{tick / scale:.{decimals}f}" for tick in ticks]
        if all(abs(float(w) * scale - t) <= 1e-9 * max(largest, 1e-9) for w, t in zip(written, ticks, strict=True)):
            return [w + suffix for w in written]
    return [f"{tick:.3g}" for tick in ticks]


def nice_ticks(low: Number, high: Number, count: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) inside [low, high], about ``count`` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5) if m * power >= raw * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _with_suffix(value: Number | None, suffixes: Mapping[float, str]) -> str:
    if value is None:
        return "–"
    for limit, suffix in suffixes.items():
        if abs(value) >= limit:
            return f"{value / limit:.1f}{suffix}"
    return f"{value:.0f}"
