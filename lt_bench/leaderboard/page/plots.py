"""Plots as inline SVG whose colours are the page's CSS variables, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lt_bench.leaderboard.formats.numbers import Number, nice_ticks, short_number, tick_labels
from lt_bench.leaderboard.page.label_placement import Box, place_labels
from lt_bench.leaderboard.page.svg import WIDTH, Svg, shorten


@dataclass(frozen=True)
class Dot:
    """One system's value of one score."""

    label: str
    colour: int
    """Number of the system's colour, 0 to 9."""
    value: Number | None
    low: Number | None = None
    high: Number | None = None
    seeds: tuple[Number, ...] = ()
    """Values of the single seeds."""
    control: Number | None = None
    """The same videos scored against something else; drawn as a hollow dot."""
    missing: str = ""
    """Why there is no value."""


@dataclass(frozen=True)
class Reference:
    """A value to compare with, drawn as a dashed line."""

    value: Number
    label: str


@dataclass(frozen=True)
class Line:
    """A curve: finite (x, y) with ascending x."""

    label: str
    colour: int
    points: tuple[tuple[Number, Number], ...]


@dataclass(frozen=True)
class Point:
    """One system in a plane of two values."""

    label: str
    colour: int
    x: Number
    y: Number


@dataclass(frozen=True)
class _Axis:
    """Maps values to pixels, linearly or by logarithm."""

    low: Number
    high: Number
    start: Number
    end: Number
    log: bool = False

    def __call__(self, value: Number) -> Number:
        a, b, v = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (v - a) / (b - a) * (self.end - self.start)

    def labelled(self, count: int) -> list[tuple[Number, str]]:
        ticks = self.ticks(count)
        return list(zip(ticks, (f"{t:.3g}" for t in ticks) if self.log else tick_labels(ticks), strict=True))

    def ticks(self, count: int) -> list[Number]:
        if not self.log:
            return nice_ticks(self.low, self.high, count)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
            found = [m * 10.0**d for d in decades for m in steps if self.low <= m * 10.0**d <= self.high]
            if len(found) >= 3:
                return found
        return [self.low, self.high]


def dot_plot(title: str, dots: Sequence[Dot], reference: Reference | None = None) -> Markup:
    """A row for each system: value, interval, single seeds, and the control where there is one."""
    row, top, left = 26, 18 if reference else 6, 146
    height = top + row * len(dots) + 26
    spread = [v for d in dots for v in (d.value, d.low, d.high, d.control, *d.seeds) if v is not None]
    spread += [reference.value] if reference and spread else []
    svg = Svg(height, f"{title} of {len(dots)} systems")
    low, high = _padded(spread)
    axis = _Axis(low, high, left, WIDTH - 16)
    bottom = top + row * len(dots)
    for tick, text in axis.labelled(4) if spread else []:
        svg.add('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" class="grid"/>', axis(tick), top, bottom)
        svg.text(axis(tick), bottom + 16, text, "tick", "middle")
    if reference and spread:
        x = axis(reference.value)
        svg.add('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" class="reference"/>', x, top - 4, bottom)
        svg.text(x, top - 7, reference.label, "tick", "end" if x > (left + WIDTH) / 2 else "start")
    for number, dot in enumerate(dots):
        y = top + row * (number + 0.5)
        svg.text(left - 10, y + 4, shorten(dot.label, 20), "name", "end")
        if dot.value is None:
            svg.text(left + 6, y + 4, shorten(dot.missing or "no value", 48), "none")
            continue
        _dot(svg, axis, y, dot)
    return svg.done()


def _dot(svg: Svg, axis: _Axis, y: Number, dot: Dot) -> None:
    assert dot.value is not None
    interval = "" if dot.low is None else f" [{short_number(dot.low)}, {short_number(dot.high)}]"
    control = "" if dot.control is None else f"; control {short_number(dot.control)}"
    svg.parts.append(Markup('<g class="c{}">').format(dot.colour))
    svg.add("<title>{}: {}{}{}</title>", dot.label, short_number(dot.value), interval, control)
    if dot.control is not None:
        x = axis(dot.control)
        svg.add('<line x1="{}" x2="{}" y1="{}" y2="{}" class="link"/>', x, axis(dot.value), y, y)
        svg.add('<circle cx="{}" cy="{}" r="4.5" class="control"/>', x, y)
    if dot.low is not None and dot.high is not None:
        svg.add('<line x1="{}" x2="{}" y1="{}" y2="{}" class="interval"/>', axis(dot.low), axis(dot.high), y, y)
    if len(dot.seeds) > 1:
        for value in dot.seeds:
            svg.add('<circle cx="{}" cy="{}" r="2.5" class="seed"/>', axis(value), y)
    svg.add('<circle cx="{}" cy="{}" r="5.5" class="dot"/>', axis(dot.value), y)
    svg.parts.append(Markup("</g>"))


def line_plot(title: str, lines: Sequence[Line], x_label: str, y_label: str) -> Markup:
    """Curves over a linear x and a logarithmic y (linear where a value is not well above zero)."""
    height, left, top, bottom = 256, 44, 24, 214
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    log = bool(ys) and min(ys) > 1e-9 * max(ys) > 0
    svg = Svg(height, f"{title}: {y_label} over {x_label}")
    across = _Axis(min(xs, default=0), max(max(xs, default=1), min(xs, default=0) + 1e-9), left, WIDTH - 12)
    up = _Axis(*(_padded_log(ys) if log else _padded(ys)), bottom, top, log)
    _frame(svg, across, up, x_label, y_label)
    for line in lines:
        path = " ".join(f"{'L' if k else 'M'}{across(x):.1f} {up(y):.1f}" for k, (x, y) in enumerate(line.points))
        template = '<path d="{}" class="curve c{}"><title>{}</title></path>'
        svg.add(template, path, line.colour, f"{line.label}: {short_number(line.points[-1][1])} at the end")
    return svg.done()


def scatter_plot(title: str, points: Sequence[Point], x_label: str, y_label: str) -> Markup:
    """Systems in a plane of two values, each dot with its name."""
    height, left, top, bottom = 256, 44, 24, 214
    svg = Svg(height, f"{title}: {y_label} against {x_label}")
    across = _Axis(*_padded([p.x for p in points], 0.18), left, WIDTH - 12)
    up = _Axis(*_padded([p.y for p in points], 0.14), bottom, top)
    _frame(svg, across, up, x_label, y_label)
    ordered = sorted(points, key=lambda p: -p.y)
    names = [shorten(point.label, 24) for point in ordered]
    places = place_labels([(across(p.x), up(p.y)) for p in ordered], names, Box(left, 12, WIDTH, bottom))
    for point, name, place in zip(ordered, names, places, strict=True):
        svg.parts.append(Markup('<g class="c{}">').format(point.colour))
        svg.add("<title>{}: {} / {}</title>", point.label, short_number(point.y), short_number(point.x))
        svg.add('<circle cx="{}" cy="{}" r="6" class="dot"/>', across(point.x), up(point.y))
        if place is not None:  # in a crowd the title and the colour tell which it is
            svg.text(*place, name, "name")
        svg.parts.append(Markup("</g>"))
    return svg.done()


def _frame(svg: Svg, across: _Axis, up: _Axis, x_label: str, y_label: str) -> None:
    for tick, text in up.labelled(5):
        svg.add('<line x1="{}" x2="{}" y1="{}" y2="{}" class="grid"/>', across.start, across.end, up(tick), up(tick))
        svg.text(across.start - 7, up(tick) + 4, text, "tick", "end")
    for tick, text in across.labelled(5):
        svg.add('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" class="grid"/>', across(tick), up.start, up.end)
        svg.text(across(tick), up.start + 16, text, "tick", "middle")
    svg.text((across.start + across.end) / 2, up.start + 34, x_label, "axis", "middle")
    svg.text(0.0, 10.0, y_label, "axis")


def _padded(values: Sequence[Number], share: float = 0.06) -> tuple[Number, Number]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = (high - low) * share or max(abs(high) * 0.1, 1e-6)
    return low - margin, high + margin


def _padded_log(values: Sequence[Number]) -> tuple[Number, Number]:
    factor = max(1.05, (max(values) / min(values)) ** 0.05)
    return min(values) / factor, max(values) * factor
