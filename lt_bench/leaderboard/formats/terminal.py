"""The leaderboard in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lt_bench.leaderboard.formats.cell_text import cell_text, unranked_notes
from lt_bench.leaderboard.formats.csv_markdown import arrow, setting
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns import has_value, ordered_scores
from lt_bench.leaderboard.tables.cost_columns import COSTS
from lt_bench.leaderboard.tables.rows import Row

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
    table.add_column("N", justify="right", no_wrap=True)
    for name in shown:
        table.add_column(Text(f"{name} {arrow(board.score(name))}".strip()), justify="right", no_wrap=True)
    costs = COSTS if width >= WIDE else COSTS[:1]
    for cost in costs:
        table.add_column(cost.title, justify="right", no_wrap=True)
    for row in board.rows:
        table.add_row(*_cells(board, row, shown)[: 2 + len(shown) + len(costs)])
    yield table
    yield from _notes(board, shown, hidden)


def _fitting(board: Board, width: int) -> tuple[list[str], list[str]]:
    names = [score.name for score in ordered_scores(board) if has_value(board, score.name)]
    room = width - max((len(row.system) for row in board.rows), default=6) - (80 if width >= WIDE else 30)
    shown: list[str] = []
    for name in names:
        room -= max(len(name) + 2, 14) + 3
        if room < 0 and shown:
            break
        shown.append(name)
    return shown, names[len(shown) :]


def _cells(board: Board, row: Row, names: Sequence[str]) -> list[Text]:
    label = Text(row.system)
    if not row.results:
        return [label, Text("0"), *[Text("")] * len(names), Text(row.state, style="red"), *[Text("")] * len(COSTS)]
    first = row.results[0]
    return [
        label,
        Text(f"{first.scored}/{first.given}" + (f" x{len(row.results)}" if len(row.results) > 1 else "")),
        *(_score(board, row, name) for name in names),
        *(Text(cost.text(row.cost(cost.key))) for cost in COSTS),
    ]


def _score(board: Board, row: Row, name: str) -> Text:
    summary = row.scores.get(name)
    if summary is None or summary.value is None:
        return Text("–", style="dim")
    return Text(cell_text(board, row, name), style=STYLES[board.verdicts[name][row.system].mark])


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
