"""Histograms as inline SVG, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT, FOOT, HEAD = 360, 120, 20, 14
BINS = 24


def histogram(
    kept: Sequence[float], rejected: Sequence[float], limits: Sequence[float], whole: bool = False, label: str = ""
) -> Markup:
    """Bars of kept values with rejected ones on top, and a dashed line at each limit.

    Args:
        kept: values of the clips that are used.
        rejected: values of those that this number rejected.
        limits: where clips are rejected.
        whole: values are whole numbers, one bar each.
        label: what is shown, for readers that see no pictures.
    """
    values = np.array([*kept, *rejected], np.float64)
    low, high = _range(values, limits, whole)
    edges = np.arange(low, high + 1.5) - 0.5 if whole else np.linspace(low, high, BINS + 1)
    used, refused = (np.histogram(part, edges)[0] for part in (kept, rejected))
    top = max(int((used + refused).max()), 1)
    left, right = float(edges[0]), float(edges[-1])

    def x(value: float) -> float:
        return (value - left) / (right - left) * WIDTH

    parts = []
    for start, stop, n, m in zip(edges, edges[1:], used, refused, strict=False):
        bottom = HEIGHT
        for count, kind in ((int(n), "kept"), (int(m), "rejected")):
            if count:
                height = max(1.0, count / top * (HEIGHT - HEAD))
                bottom -= height
                parts.append(
                    f'<rect class="{kind}" x="{x(start) + 0.5:.1f}" y="{bottom:.1f}" '
                    f'width="{x(stop) - x(start) - 1:.1f}" height="{height:.1f}"><title>{count} {kind}</title></rect>'
                )
    places = [f"{x(limit):.1f}" for limit in limits]
    parts += [f'<line class="limit" x1="{at}" x2="{at}" y1="0" y2="{HEIGHT}"/>' for at in places]
    for value, anchor in ((low, "start"), (high, "end")):
        at = 0 if anchor == "start" else WIDTH
        parts.append(f'<text x="{at}" y="{HEIGHT + FOOT - 5}" text-anchor="{anchor}">{three_digits(value)}</text>')
    parts.append(f'<text x="{WIDTH}" y="10" text-anchor="end">{top}</text>')
    body = "".join(parts)
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{escape(label)}">'
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>{body}</svg>'
    )


def three_digits(value: float) -> str:
    """Write a value with three significant digits."""
    if value == 0 or not math.isfinite(value):
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _range(values: np.ndarray, limits: Sequence[float], whole: bool) -> tuple[float, float]:
    everything = np.array([*values, *limits], np.float64)
    low, high = float(everything.min()), float(everything.max())
    if whole:
        return math.floor(low) - 1, math.ceil(high) + 1
    margin = 0.03 * (high - low) or max(abs(high) * 0.1, 1e-3)
    return low - (margin if low < 0 or low > margin else low), high + margin
