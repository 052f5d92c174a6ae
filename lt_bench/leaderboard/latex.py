r"""``leaderboard.tex``: a booktabs table a board, for a paper (``\usepackage{booktabs}``)."""

from __future__ import annotations

from collections.abc import Sequence

from lt_bench.evaluation.results import Score
from lt_bench.leaderboard.boards import Board
from lt_bench.leaderboard.columns import has_value, ordered_scores
from lt_bench.leaderboard.costs import COSTS
from lt_bench.leaderboard.export import setting
from lt_bench.leaderboard.numbers import short_number, short_spread
from lt_bench.leaderboard.rows import Row

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
    "…": r"\ldots{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def to_latex(boards: Sequence[Board]) -> str:
    """A table a board: best values bold, ties with them marked; scores that no system has are left out."""
    parts = [r"% \usepackage{booktabs}"]
    for board in boards:
        parts += ["", *_table(board)]
    return "\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(ESCAPES.get(character, character) for character in " ".join(text.split()))


def _table(board: Board) -> list[str]:
    scores = [score for score in ordered_scores(board) if has_value(board, score.name)]
    costs = [cost for cost in COSTS if any(row.cost(cost.key) is not None for row in board.rows)]
    head = ["System", *map(_heading, scores), *(escape(cost.title) for cost in costs)]
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule"]
    lines += [_line(head), r"\midrule"]
    for row in board.rows:
        if row.results:
            values = [_value(board, row, score) for score in scores]
            lines.append(_line([escape(row.system), *values, *(escape(c.text(row.cost(c.key))) for c in costs)]))
    if any(score.reference for score in scores):
        lines += [r"\midrule", _line(["real videos", *map(_reference, scores), *[""] * len(costs)])]
    apart = f" Not comparable with the first table: {board.difference}." if board.difference else ""
    caption = f"{setting(board)}. Bold: best; ≈: not distinguishable from it.{apart}"
    return [*lines, r"\bottomrule", r"\end{tabular}", rf"\caption{{{escape(caption)}}}", r"\end{table}"]


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
    summary = row.scores.get(score.name)
    if summary is None or summary.value is None:
        return "--"
    spread = rf" $\pm$ {short_spread(summary.sd, summary.value)}" if summary.sd is not None else ""
    text = short_number(summary.value) + spread
    mark = board.verdicts[score.name][row.system].mark
    return rf"\textbf{{{text}}}" if mark == "best" else rf"$\approx$ {text}" if mark == "tie" else text
