r"""``leaderboard.tex``: a booktabs table a board, for a paper (``\usepackage{booktabs}``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lt_bench.leaderboard.formats.csv_markdown import setting
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import Cell, Column
from lt_bench.leaderboard.tables.columns.column_list import columns_of
from lt_bench.leaderboard.tables.columns.score_columns import unranked_notes
from lt_bench.leaderboard.tables.rows import Row

ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "≈": r"$\approx$",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "…": r"\ldots{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}

WIDTH = 88
"""Characters in a line of ``\\footnotesize`` across the text of an article; a wider table continues below itself."""
Printed = Sequence[str]
"""Heading, a cell for each system, and the value of real videos."""


def to_latex(boards: Sequence[Board]) -> str:
    """Write a table for each board: best values bold, ties with them marked; scores that no system has are left out.

    Comments below a table say why values are not ranked.
    """
    parts = [r"% \usepackage{booktabs}"]
    for board in boards:
        parts += ["", *_table(board)]
    return "\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(ESCAPES.get(character, character) for character in " ".join(text.split()))


def _table(board: Board) -> list[str]:
    rows, columns = [row for row in board.rows if row.results], columns_of(board, "latex")
    printed = [_printed(board, rows, column) for column in columns]
    systems = ["System", *(escape(row.system) for row in rows), "real videos"]
    lines = [r"\begin{table}", r"\centering", r"\footnotesize"]
    for part in _fitting(printed, WIDTH - _width(systems)):
        lines += [*_tabular([systems, *part]), r"\par\medskip"]
    apart = f" Not comparable with the first table: {board.difference}." if board.difference else ""
    notes = unranked_notes(board, [column.key for column in columns if column.score])
    unranked = " †: not ranked, for another N, detector or seeds." if notes else ""
    caption = f"{setting(board)}. Bold: best; ≈: not distinguishable from it.{unranked}{apart}"
    return [*lines, rf"\caption{{{escape(caption)}}}", r"\end{table}", *(f"% {' '.join(n.split())}" for n in notes)]


def _fitting(columns: Sequence[Printed], room: int) -> Iterator[list[Printed]]:
    """The columns in order, in parts that a page is wide enough for."""
    part: list[Printed] = []
    for column in columns:
        if part and sum(map(_width, [*part, column])) > room:
            yield part
            part = []
        part.append(column)
    if part:
        yield part


def _width(column: Printed) -> int:
    """Characters of the widest cell as printed, about, and the space beside it."""
    printed = (re.sub(r"\\[a-z]+ ?|[{}$\\]", "", cell) for cell in column)
    return 2 + max(len(text) for text in printed)


def _tabular(columns: Sequence[Printed]) -> list[str]:
    head, *rows, real = zip(*columns, strict=True)
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"\toprule", _line(head), r"\midrule"]
    lines += [_line(row) for row in rows]
    if any(real[1:]):
        lines += [r"\midrule", _line(real)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _printed(board: Board, rows: Sequence[Row], column: Column) -> Printed:
    real = escape(column.real.plain) if column.real else ""
    return [escape(column.heading), *(_value(column.cell(board, row)) for row in rows), real]


def _value(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.mark == "best" else text
