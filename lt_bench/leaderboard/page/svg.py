"""SVG text whose colours are the page's CSS classes."""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from lt_bench.leaderboard.formats.numbers import Number

WIDTH = 440


@dataclass
class Svg:
    """A plot that is being drawn; coordinates are pixels, y downwards."""

    height: Number
    label: str
    parts: list[Markup] = field(default_factory=list)

    def add(self, template: str, *values: object) -> None:
        """Add an element; the values are escaped, and floats written with one decimal."""
        self.parts.append(Markup(template).format(*(_px(v) for v in values)))

    def text(self, x: Number, y: Number, text: str, kind: str = "", anchor: str = "start") -> None:
        """Add a text, anchored at its start, middle or end."""
        self.add('<text x="{}" y="{}" class="t {}" text-anchor="{}">{}</text>', x, y, kind, anchor, text)

    def done(self) -> Markup:
        """The whole element."""
        body = Markup("").join(self.parts)
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="plot">{}</svg>').format(
            WIDTH, _px(self.height), self.label, body
        )


def _px(value: object) -> object:
    return f"{value:.1f}" if isinstance(value, float) else value


def shorten(text: str, length: int) -> str:
    """Cut a text to ``length`` characters, the last an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"
