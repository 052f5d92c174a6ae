"""All columns of a leaderboard. A column that is added here appears in every file, the terminal and the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lt_bench.evaluation.results.result_file import Result
from lt_bench.leaderboard.formats.numbers import (
    Number,
    duration,
    short_bytes,
    short_count,
    short_number,
    short_operations,
)
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import EVERYWHERE, Cell, Column, Value, Writer
from lt_bench.leaderboard.tables.columns.score_columns import score_columns, telling_first
from lt_bench.leaderboard.tables.rows import Row

IN_ORDER_OF_PROTOCOL: tuple[Writer, ...] = ("csv", "json", "markdown")
"""Writers that show scores in the protocol's order; others show the most telling first."""
COMPLETE: tuple[Writer, ...] = ("csv", "json")
"""Writers that keep columns without any value."""
WITH_EVERY_SCORE: tuple[Writer, ...] = (*COMPLETE, "markdown", "page")
"""Writers that keep scores without any value, whose reason stands below the table."""


def _cost(key: str, heading: str, about: str, text: Callable[[Number | None], str], narrow: bool = False) -> Column:
    """A number of the results' ``meta`` that is the better the lower it is."""

    def cell(_: Board, row: Row) -> Cell:
        value = row.cost(key)
        return Cell(value, text(value))

    return Column(key, heading, cell, about, first="ascending", plotted=True, narrow=narrow)


def _fact(key: str, read: Callable[[Row], Value], writers: frozenset[Writer] = frozenset(("csv",))) -> Column:
    """A fact about a system in words or numbers."""

    def cell(_: Board, row: Row) -> Cell:
        value = read(row)
        return Cell(value, "" if value is None else str(value))

    return Column(key, key, cell, writers=writers, before_scores=True)


def _setting(key: str, read: Callable[[Board, Row], Value]) -> Column:
    """What a system was scored by; empty for systems without a result."""

    def cell(board: Board, row: Row) -> Cell:
        value = read(board, row) if row.results and board.reference else None
        return Cell(value, "" if value is None else str(value))

    return Column(key, key, cell, writers=frozenset(("csv",)))


def _clips(_: Board, row: Row) -> Cell:
    if not row.results:
        return Cell(0, "0")
    first, seeds = row.results[0], len(row.results)
    return Cell(first.scored, f"{first.scored}/{first.given}" + (f" x{seeds}" if seeds > 1 else ""))


def _reference(read: Callable[[Result], Value], board: Board, _: Row) -> Value:
    assert board.reference is not None
    return read(board.reference)


COLUMNS = (
    _fact("portrait", lambda row: row.portrait),
    _fact("audio", lambda row: row.audio),
    _fact("seeds", lambda row: " ".join(map(str, row.seeds)), EVERYWHERE - {"json", "latex", "terminal", "page"}),
    _fact("state", lambda row: row.state),
    _fact("reason", lambda row: "; ".join(row.reasons)),
    Column(
        "N",
        "N",
        _clips,
        "clips scored / clips of the real set, x number of seeds",
        frozenset(("terminal", "page")),
        before_scores=True,
        narrow=True,
    ),
    _cost("train_seconds", "training", "seconds of training", duration, narrow=True),
    _cost("seconds_per_video_second", "s / video s", "seconds of generation per second of video", short_number),
    _cost("parameters", "parameters", "parameters", short_count),
    _cost("macs_per_video_second", "MACs / video s", "multiply-accumulates per second of video", short_operations),
    _cost("peak_memory", "memory", "peak memory of training, in bytes", short_bytes),
    _setting("protocol", partial(_reference, lambda result: result.protocol.id)),
    _setting("protocol_version", partial(_reference, lambda result: result.protocol.version)),
    _setting("real_set", partial(_reference, lambda result: f"{result.real.dataset}/{result.real.split}")),
    _setting("real_hash", partial(_reference, lambda result: result.real.hash)),
    _setting("clips_given", lambda _, row: row.results[0].given),
    _setting("clips_scored", lambda _, row: row.results[0].scored),
)
"""Every column but the system's name, which all writers put first, and those of scores."""


def columns_of(board: Board, writer: Writer) -> tuple[Column, ...]:
    """The columns that a writer shows of a table, in order."""
    scores = score_columns(board)
    if writer not in IN_ORDER_OF_PROTOCOL:
        scores = telling_first(board, scores)
    if writer not in WITH_EVERY_SCORE:
        scores = tuple(column for column in scores if column.has_value(board))
    others = [c for c in COLUMNS if writer in c.writers and (writer in COMPLETE or c.has_value(board))]
    before = [column for column in others if column.before_scores]
    return (*before, *scores, *(column for column in others if not column.before_scores))
