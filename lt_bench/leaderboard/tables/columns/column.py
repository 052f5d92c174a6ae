"""A column of a leaderboard and its cells, as every writer reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.rows import Row
from lt_bench.leaderboard.tables.significance import Mark

Writer = Literal["csv", "json", "markdown", "latex", "terminal", "page"]
EVERYWHERE: frozenset[Writer] = frozenset(get_args(Writer))
Value = float | int | str | None
NO_VALUE = "–"


@dataclass(frozen=True)
class Cell:
    """One cell."""

    value: Value
    """What CSV and JSON hold and the page sorts by; None where there is none."""
    plain: str
    """The value as it is printed, with its deviation over seeds."""
    mark: Mark | None = None
    """How a score stands; None outside of scores."""
    apart: str = ""
    """Mark of a value that is not ranked with the others, perhaps with its own N; empty for ranked values."""
    below: str = ""
    """Printed small below the value on the page."""
    hint: str = ""
    """Shown on the page when the mouse is over the cell."""
    more: Mapping[str, Value] = field(default_factory=dict)
    """Further values of the CSV, by the name of their column."""

    @property
    def text(self) -> str:
        """The cell in texts, where nothing else shows that it is a tie."""
        tie = "≈ " if self.mark == "tie" else ""
        return tie + self.marked

    @property
    def marked(self) -> str:
        """The value, marked where it is not ranked."""
        return f"{self.plain} {self.apart}" if self.apart else self.plain


@dataclass(frozen=True)
class Column:
    """One column: everything that the writers need to know of it."""

    key: str
    """Name in CSV and JSON, and of sets of columns."""
    heading: str
    cell: Callable[[Board, Row], Cell]
    about: str = ""
    """What it is, with its unit: shown with the heading on the page, and the label of a plot's axis."""
    writers: frozenset[Writer] = EVERYWHERE
    first: Literal["ascending", "descending"] = "descending"
    """Order in which the page sorts it at first."""
    before_scores: bool = False
    plotted: bool = False
    """Whether the page plots the headline score against it."""
    narrow: bool = False
    """Whether a narrow terminal has room for it."""
    score: Score | None = None
    """The score that it shows; None for other columns."""

    @property
    def real(self) -> Cell | None:
        """The same score of the real videos, where there is one."""
        reference = self.score.reference if self.score else None
        return Cell(reference.value, short_number(reference.value), below=reference.kind) if reference else None

    def has_value(self, board: Board) -> bool:
        """Whether any system has a value."""
        return any(self.cell(board, row).value is not None for row in board.rows)
