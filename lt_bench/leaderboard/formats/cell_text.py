"""What a cell of a table says in every kind of text, and what is said below it of values that are not ranked."""

from __future__ import annotations

from collections.abc import Sequence

from lt_bench.leaderboard.formats.numbers import short_number, short_spread
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.rows import Row

UNRANKED = "†"
"""Marks a value that stands apart from those that are ranked."""


def cell_text(board: Board, row: Row, name: str) -> str:
    """The value, its deviation over seeds, and whether it is a tie, or not ranked: then with its own N."""
    summary = row.scores.get(name)
    if summary is None or summary.value is None:
        return "–"
    spread = f" ± {short_spread(summary.sd, summary.value)}" if summary.sd is not None else ""
    tie = "≈ " if board.verdicts[name][row.system].mark == "tie" else ""
    return f"{tie}{short_number(summary.value)}{spread}{_apart(board, row, name)}"


def _apart(board: Board, row: Row, name: str) -> str:
    if not board.note(row, name):
        return ""
    scored = row.scores[name].score.scored
    return f" {UNRANKED}" + ("" if scored == board.score(name).scored else f" N={scored}")


def is_best(board: Board, row: Row, name: str) -> bool:
    """Whether a cell is the best of its score."""
    return name in row.scores and board.verdicts[name][row.system].mark == "best"


def unranked_notes(board: Board, names: Sequence[str]) -> tuple[str, ...]:
    """Which values of these scores are not ranked, and why: a text for each score and reason, with its systems."""
    notes: dict[str, list[str]] = {}
    for row in board.rows:
        for name in names:
            if name in row.scores and (note := board.note(row, name)):
                notes.setdefault(f"{name}: {note}", []).append(row.system)
    return tuple(f"{UNRANKED} not ranked: {what} ({', '.join(systems)})" for what, systems in notes.items())
