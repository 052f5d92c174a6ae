"""Which scores are seen first where not all fit: one of each kind, the headline before all."""

from __future__ import annotations

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.ranking import with_value

FIRST = (
    *("identity_probe", "identity_arcface", "identity_dlib"),
    *("fd_probe", "fid", "fvd", "fd_squeezenet", "psnr", "motion_ratio"),
)
"""After the headline and its control: is it the same person, do the frames look real, are they right, do they move."""


def ordered_scores(board: Board) -> tuple[Score, ...]:
    """Every score of a table, the most telling first; those without a value come last."""
    scores = {name: board.score(name) for name in board.score_names}
    wanted = dict.fromkeys((board.headline, f"{board.headline}_shuffled", *FIRST))  # the headline may be one of them
    first = [name for name in wanted if name in scores and has_value(board, name)]
    rest = sorted((name for name in scores if name not in first), key=lambda name: not has_value(board, name))
    return tuple(scores[name] for name in (*first, *rest) if name is not None)


def has_value(board: Board, name: str) -> bool:
    """Whether any system has a value of a score."""
    return bool(with_value(board.rows, name))
