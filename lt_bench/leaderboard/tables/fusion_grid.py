"""The fusion grid: portrait schemes down, audio schemes across, one score at a time."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.rows import Row

ORDER = ("direct", "siamese", "one_way_symbiotic", "symbiotic")
"""Shallow to deep."""


@dataclass(frozen=True)
class GridCell:
    """One field of the grid; ``row`` is None where the experiment has no such cell."""

    row: Row | None
    value: float | None
    share: float | None
    """0 for the worst value of the grid, 1 for the best; None for a value that is not ranked with the others."""
    mark: str
    """How it stands (``verdicts.Mark``); ``apart`` for a value that is not ranked with the others."""


@dataclass(frozen=True)
class GridScore:
    """The grid of one score."""

    score: Score
    cells: tuple[tuple[GridCell, ...], ...]


@dataclass(frozen=True)
class Grid:
    """All scores of a grid of fusion cells."""

    portraits: tuple[str, ...]
    audios: tuple[str, ...]
    scores: tuple[GridScore, ...]


def build_grid(board: Board) -> Grid | None:
    """The grid of a table, or None where fewer than two rows are fusion cells, or a cell stands in it twice."""
    rows = {(row.portrait, row.audio): row for row in board.rows if row.portrait and row.audio}
    cells = [row for row in board.rows if row.portrait and row.audio]
    if len(rows) < 2 or len(rows) < len(cells):
        return None
    portraits, audios = (_ordered({pair[k] for pair in rows}) for k in (0, 1))
    names = [name for name in board.score_names if any(r.scores[name].values for r in cells if name in r.scores)]
    if board.headline in names:
        names = [board.headline, *(name for name in names if name != board.headline)]
    scores = tuple(_score(board, name, rows, portraits, audios) for name in names)
    return Grid(portraits, audios, scores)


def _ordered(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)))


def _score(
    board: Board, name: str, rows: dict[tuple[str, str], Row], portraits: tuple[str, ...], audios: tuple[str, ...]
) -> GridScore:
    values = {pair: row.scores[name].value for pair, row in rows.items() if name in row.scores}
    score = next(row.scores[name].score for row in rows.values() if name in row.scores)
    apart = {pair for pair, row in rows.items() if name in row.scores and board.note(row, name)}
    known = [value for pair, value in values.items() if value is not None and pair not in apart]

    def cell(pair: tuple[str, str]) -> GridCell:
        row, value = rows.get(pair), values.get(pair)
        if pair in apart:
            return GridCell(row, value, None, "apart")
        return GridCell(row, value, _share(value, known, score), board.verdicts[name][row.system].mark if row else "")

    return GridScore(score, tuple(tuple(cell((p, a)) for a in audios) for p in portraits))


def _share(value: float | None, known: list[float], score: Score) -> float | None:
    if value is None or score.higher_is_better is None:
        return None
    low, high = min(known), max(known)
    share = (value - low) / (high - low) if high > low else 1.0
    return share if score.higher_is_better else 1.0 - share if high > low else 1.0
