"""Where the names of dots go in a plot, so that no name lies on another or on a dot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHARACTER = 6.9
"""Mean width of a character of a name, in pixels at its 12.5 px."""
HEIGHT = 14.0
GAP = 11.0
"""From a dot's centre to its name."""
RADIUS = 6.5


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two share an area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Whether it lies wholly within another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def place_labels(
    dots: Sequence[tuple[float, float]], texts: Sequence[str], bounds: Box
) -> tuple[tuple[float, float] | None, ...]:
    """The left end of each text's base line; None for a text that finds no free place beside its dot.

    Args:
        dots: centres in pixels.
        texts: one for each dot; earlier ones choose first.
        bounds: the texts stay within it.
    """
    taken = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in dots]
    places: list[tuple[float, float] | None] = []
    for (x, y), text in zip(dots, texts, strict=True):
        free = (
            box
            for box in _candidates(x, y, CHARACTER * len(text))
            if box.inside(bounds) and not any(box.overlaps(other) for other in taken)
        )
        box = next(free, None)
        if box is not None:
            taken.append(box)
        places.append(None if box is None else (box.left, box.bottom - 3))
    return tuple(places)


def _candidates(x: float, y: float, width: float) -> Iterator[Box]:
    for shift in (0.0, -8.0, 8.0, -13.0, 13.0):
        for left in (x + GAP, x - GAP - width):
            yield Box(left, y + shift - HEIGHT / 2, left + width, y + shift + HEIGHT / 2)
    for middle in (y - GAP - 4, y + GAP + 4, y - GAP - 18, y + GAP + 18):
        for left in (x - width / 2, x - width * 0.15, x - width * 0.85):
            yield Box(left, middle - HEIGHT / 2, left + width, middle + HEIGHT / 2)
