r"""``leaderboard.tex``: a booktabs table a board, for a paper (``\usepackage{booktabs}``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.formats.cell_text import cell_text, is_best, unranked_notes
from lt_bench.leaderboard.formats.csv_markdown import setting
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns import has_value, ordered_scores
from lt_bench.leaderboard.tables.cost_columns import COSTS
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
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


WIDTH = 88
"""Characters in a line of ``\\footnotesize`` across the text of an article; a wider table goes on below itself."""
Column = Sequence[str]
"""Heading, a cell a system, and the value of real videos."""


def to_latex(boards: Sequence[Board]) -> str:
    """A table a board: best values bold, ties with them marked; scores that no system has are left out.

    Comments below a table tell why values are not ranked.
    """
    parts = [r"% \usepackage{booktabs}"]
    for board in boards:
        parts += ["", *_table(board)]
    return "\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(ESCAPES.get(character, character) for character in " ".join(text.split()))


def _table(board: Board) -> list[str]:
    rows = [row for row in board.rows if row.results]
    scores = [score for score in ordered_scores(board) if has_value(board, score.name)]
    costs = [cost for cost in COSTS if any(row.cost(cost.key) is not None for row in rows)]
    columns = [[_heading(s), *(_value(board, row, s) for row in rows), _reference(s)] for s in scores]
    columns += [[escape(c.title), *(escape(c.text(row.cost(c.key))) for row in rows), ""] for c in costs]
    systems = ["System", *(escape(row.system) for row in rows), "real videos"]
    lines = [r"\begin{table}", r"\centering", r"\footnotesize"]
    for part in _fitting(columns, WIDTH - _width(systems)):
        lines += [*_tabular([systems, *part]), r"\par\medskip"]
    apart = f" Not comparable with the first table: {board.difference}." if board.difference else ""
    notes = unranked_notes(board, [score.name for score in scores])
    unranked = " †: not ranked, for another N, detector or seeds." if notes else ""
    caption = f"{setting(board)}. Bold: best; ≈: not distinguishable from it.{unranked}{apart}"
    return [*lines, rf"\caption{{{escape(caption)}}}", r"\end{table}", *(f"% {' '.join(n.split())}" for n in notes)]


def _fitting(columns: Sequence[Column], room: int) -> Iterator[list[Column]]:
    """The columns in order, in parts that a page is wide enough for."""
    part: list[Column] = []
    for column in columns:
        if part and sum(map(_width, [*part, column])) > room:
            yield part
            part = []
        part.append(column)
    if part:
        yield part


def _width(column: Column) -> int:
    """Characters of the widest cell as printed, about, and the space beside it."""
    printed = (re.sub(r"\\[a-z]+ ?|[{}$\\]", "", cell) for cell in column)
    return 2 + max(len(text) for text in printed)


def _tabular(columns: Sequence[Column]) -> list[str]:
    head, *rows, real = zip(*columns, strict=True)
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"\toprule", _line(head), r"\midrule"]
    lines += [_line(row) for row in rows]
    if any(real[1:]):
        lines += [r"\midrule", _line(real)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _heading(score: Score) -> str:
    if score.higher_is_better is None:
        target = "" if score.target is None else rf" $\rightarrow${short_number(score.target)}"
        return escape(score.name) + target
    return escape(score.name) + (r" $\uparrow$" if score.higher_is_better else r" $\downarrow$")


def _reference(score: Score) -> str:
    return escape(short_number(score.reference.value)) if score.reference else ""


def _value(board: Board, row: Row, score: Score) -> str:
    text = escape(cell_text(board, row, score.name))
    return rf"\textbf{{{text}}}" if is_best(board, row, score.name) else text
