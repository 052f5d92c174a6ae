"""The leaderboard in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lt_bench.leaderboard.formats.csv_markdown import setting
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import Cell, Column
from lt_bench.leaderboard.tables.columns.column_list import columns_of
from lt_bench.leaderboard.tables.columns.score_columns import unranked_notes

STYLES = {"best": "bold green", "tie": "green", "behind": "", "unranked": ""}
WIDE = 110
"""Characters from which a terminal has room for every cost."""


def render(boards: Sequence[Board], width: int) -> Group:
    """Tables that fit ``width`` characters: as many scores as there is room for, the others named below."""
    return Group(*(part for board in boards for part in _board(board, width)))


def _board(board: Board, width: int) -> Iterator[RenderableType]:
    if board.difference:
        yield Text(f"not comparable with the table above: {board.difference}", style="yellow")
    shown, hidden = _fitting(board, width)
    table = Table(title=setting(board), title_justify="left", title_style="bold", caption_justify="left")
    table.add_column("system", no_wrap=True)
    for column in shown:
        table.add_column(Text(column.heading), justify="right", no_wrap=True)
    for row in board.rows:
        cells = [_text(column.cell(board, row)) for column in shown]
        failed = [Text(row.state, style="red"), *[Text("")] * (len(shown) - 1)]
        table.add_row(Text(row.system), *(cells if row.results else failed))
    yield table
    yield from _notes(board, [c.key for c in shown if c.score], [c.key for c in hidden])


def _fitting(board: Board, width: int) -> tuple[list[Column], list[Column]]:
    """The columns that there is room for, and the scores that there is none for."""
    columns = [column for column in columns_of(board, "terminal") if column.narrow or width >= WIDE]
    room = width - max((len(row.system) for row in board.rows), default=6) - (80 if width >= WIDE else 30)
    scores = [column for column in columns if column.score]
    hidden = list(scores)
    for column in scores:
        room -= max(len(column.key) + 2, 14) + 3
        if room < 0 and len(hidden) < len(scores):
            break
        hidden.remove(column)
    return [column for column in columns if column not in hidden], hidden


def _text(cell: Cell) -> Text:
    if cell.mark is None:
        return Text(cell.text, style="dim" if cell.value is None else "")
    return Text(cell.text, style=STYLES[cell.mark])


def _notes(board: Board, shown: Sequence[str], hidden: Sequence[str]) -> Iterator[Text]:
    for row in board.rows:
        for entry in row.entries:
            if entry.result is None:
                seed = "" if entry.seed is None else f" seed {entry.seed}"
                yield Text(
                    f"{row.system}{seed}: {entry.state}{': ' + entry.reason if entry.reason else ''}", style="red"
                )
    if any(verdict.mark == "tie" for by_system in board.verdicts.values() for verdict in by_system.values()):
        yield Text(
            "≈ not distinguishable from the best (paired, by identity and by seed if several, Holm-corrected)",
            style="dim",
        )
    for note in unranked_notes(board, shown):
        yield Text(note, style="dim")
    if hidden:
        yield Text(f"more scores in the files: {', '.join(hidden)}", style="dim")
    missing: dict[str, list[str]] = {}
    for row in board.rows:
        for name, summary in row.scores.items():
            if summary.missing:
                missing.setdefault(summary.missing, []).append(name)
    for reason, names in missing.items():
        yield Text(f"missing {', '.join(dict.fromkeys(names))}: {reason}", style="dim")
