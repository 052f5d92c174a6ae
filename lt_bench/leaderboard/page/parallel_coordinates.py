"""Parallel coordinates: every system a line over the main scores, each axis turned so that up is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lt_bench.leaderboard.formats.numbers import Number, short_number
from lt_bench.leaderboard.page.svg import WIDTH, Svg, shorten

LEFT, RIGHT, TOP, BOTTOM = 34, 34, 30, 236


@dataclass(frozen=True)
class Dimension:
    """One axis."""

    name: str
    higher_is_better: bool
    values: tuple[Number | None, ...]
    """One a system; None where it is missing, which breaks the system's line."""


def parallel_plot(title: str, systems: Sequence[tuple[str, int]], dimensions: Sequence[Dimension]) -> Markup:
    """Lines of all systems over two or more axes; each axis spans the values that it has.

    Args:
        title: for readers of the page aloud.
        systems: name and number of the colour.
        dimensions: the axes, from left to right.
    """
    svg = Svg(280, f"{title}: {', '.join(d.name for d in dimensions)}; up is better")
    gap = (WIDTH - LEFT - RIGHT) / (len(dimensions) - 1)
    places = [LEFT + gap * k for k in range(len(dimensions))]
    for number, (x, dimension) in enumerate(zip(places, dimensions, strict=True)):
        _axis(svg, x, dimension, number)
    heights = [_heights(dimension) for dimension in dimensions]
    for index, (name, colour) in enumerate(systems):
        points = [(x, column[index]) for x, column in zip(places, heights, strict=True)]
        values = "; ".join(f"{d.name} {short_number(d.values[index])}" for d in dimensions)
        svg.add('<path d="{}" class="curve c{}"><title>{}: {}</title></path>', _path(points), colour, name, values)
        for x, y in points:
            if y is not None:
                svg.add('<circle cx="{}" cy="{}" r="3.5" class="dot c{}"/>', float(x), y, colour)
    return svg.done()


def _axis(svg: Svg, x: Number, dimension: Dimension, number: int) -> None:
    svg.add('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" class="grid"/>', float(x), TOP, BOTTOM)
    found = [value for value in dimension.values if value is not None]
    if found:
        best, worst = (max(found), min(found)) if dimension.higher_is_better else (min(found), max(found))
        svg.text(x, TOP - 7, short_number(best), "tick", "middle")
        svg.text(x, BOTTOM + 15, short_number(worst), "tick", "middle")
    svg.text(x, BOTTOM + (29 if number % 2 == 0 else 41), shorten(dimension.name, 18), "axis", "middle")


def _heights(dimension: Dimension) -> list[float | None]:
    found = [value for value in dimension.values if value is not None]
    low, high = min(found, default=0.0), max(found, default=0.0)
    sign = 1 if dimension.higher_is_better else -1

    def height(value: Number) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return BOTTOM - (BOTTOM - TOP) * (share if sign > 0 else 1 - share)

    return [None if value is None else height(value) for value in dimension.values]


def _path(points: Sequence[tuple[Number, Number | None]]) -> str:
    parts, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return " ".join(parts)
