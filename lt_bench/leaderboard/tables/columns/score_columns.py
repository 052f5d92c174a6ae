"""Columns of scores: their order, their cells, and why values are not ranked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.formats.numbers import short_number, short_spread
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import NO_VALUE, Cell, Column, Value
from lt_bench.leaderboard.tables.ranking import control_name
from lt_bench.leaderboard.tables.rows import Row, ScoreSummary

FIRST = (
    *("identity_probe", "identity_arcface", "identity_dlib"),
    *("fd_probe", "fid", "fvd", "fd_squeezenet", "psnr", "motion_ratio"),
)
"""After the headline and its control: is it the same person, do the frames look real, are they right, do they move."""
UNRANKED = "†"
"""Marks a value that is not ranked with the others."""
MORE = ("low", "high", "sd", "scored", "note")
"""What the CSV says of every score in addition to its value."""
NOT_THERE = "not in the result file"


def score_columns(board: Board) -> tuple[Column, ...]:
    """A column for each score of a table, in the protocol's order."""
    return tuple(_column(board.score(name)) for name in board.score_names)


def telling_first(board: Board, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Columns of scores in the order of what they tell: headline, its control, one of each kind, the rest.

    Those without a value come last.
    """
    by_name = {column.key: column for column in columns}
    heads = (board.headline, control_name(board.headline)) if board.headline else ()
    wanted = dict.fromkeys((*heads, *FIRST))  # the headline may be one of them
    first = [by_name[name] for name in wanted if name in by_name and by_name[name].has_value(board)]
    rest = sorted((c for c in columns if c not in first), key=lambda column: not column.has_value(board))
    return (*first, *rest)


def arrow(score: Score) -> str:
    """The direction of a score: up, down, towards its target, or nothing."""
    if score.higher_is_better is None:
        return "" if score.target is None else f"→{short_number(score.target)}"
    return "↑" if score.higher_is_better else "↓"


def unranked_notes(board: Board, names: Sequence[str]) -> tuple[str, ...]:
    """Say which values of these scores are not ranked, and why: a text for each score and reason, with its systems."""
    notes: dict[str, list[str]] = {}
    for row in board.rows:
        for name in names:
            if name in row.scores and (note := board.note(row, name)):
                notes.setdefault(f"{name}: {note}", []).append(row.system)
    return tuple(f"{UNRANKED} not ranked: {what} ({', '.join(systems)})" for what, systems in notes.items())


def _column(score: Score) -> Column:
    return Column(
        key=score.name,
        heading=f"{score.name} {arrow(score)}".strip(),
        cell=partial(_cell, score.name),
        about=score.title,
        first="ascending" if score.higher_is_better is False else "descending",
        narrow=True,
        score=score,
    )


def _cell(name: str, board: Board, row: Row) -> Cell:
    summary = row.scores.get(name)
    if summary is None:
        return Cell(None, NO_VALUE, hint=NOT_THERE)
    if summary.value is None:
        return Cell(None, NO_VALUE, hint=summary.missing, more=dict.fromkeys(f"{name}_{kind}" for kind in MORE))
    verdict, note = board.verdicts[name][row.system], board.note(row, name)
    spread = f" ± {short_spread(summary.sd, summary.value)}" if summary.sd is not None else ""
    hint = verdict.note
    if verdict.p_value is not None:
        hint = f"against the best: p = {short_number(verdict.p_value)}, Holm-corrected"
    return Cell(
        summary.value,
        f"{short_number(summary.value)}{spread}",
        mark=verdict.mark,
        apart=_apart(board, summary) if note else "",
        below=_below(row, summary),
        hint=hint,
        more={f"{name}_{kind}": value for kind, value in zip(MORE, _more(summary, note), strict=True)},
    )


def _more(summary: ScoreSummary, note: str) -> tuple[Value, ...]:
    return summary.low, summary.high, summary.sd, summary.score.scored, note


def _apart(board: Board, summary: ScoreSummary) -> str:
    score = summary.score
    return UNRANKED + ("" if score.scored == board.score(score.name).scored else f" N={score.scored}")


def _below(row: Row, summary: ScoreSummary) -> str:
    """The interval, and N where it is another than the row's."""
    interval = "" if summary.low is None else f"{short_number(summary.low)} … {short_number(summary.high)}"
    scored = summary.score.scored
    return f"{interval} N={scored}".strip() if scored != row.results[0].scored else interval
