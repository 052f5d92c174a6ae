"""``leaderboard.csv`` and ``leaderboard.md``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import Column, Value
from lt_bench.leaderboard.tables.columns.column_list import columns_of
from lt_bench.leaderboard.tables.columns.score_columns import unranked_notes
from lt_bench.leaderboard.tables.rows import Row


def to_csv(boards: Sequence[Board]) -> str:
    """Write one line per system.

    A score stands in the column of its name, empty where it is missing. ``table`` numbers the tables, and only lines of
    one table compare. ``_low`` and ``_high`` bound the confidence interval, ``_sd`` is the deviation over seeds,
    ``_scored`` the number of clips, and ``_note`` says why a value is not ranked with the others.
    """
    lines: list[dict[str, Value]] = []
    heads: dict[str, int] = {}
    more: dict[str, None] = {}
    for number, board in enumerate(boards, 1):
        columns = columns_of(board, "csv")
        heads |= {column.key: _group(column) for column in columns}
        for row in board.rows:
            cells = {column.key: column.cell(board, row) for column in columns}
            further = {key: value for cell in cells.values() for key, value in cell.more.items()}
            more |= dict.fromkeys(further)
            lines.append(
                {"table": number, "system": row.system} | {key: cell.value for key, cell in cells.items()} | further
            )
    text = io.StringIO()
    names = ["table", "system", *sorted(heads, key=heads.__getitem__), *more]
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in line.items()} for line in lines)
    return text.getvalue()


def _group(column: Column) -> int:
    """Place among the columns of all tables, which may have different scores."""
    return 0 if column.before_scores else 1 if column.score else 2


def to_markdown(boards: Sequence[Board], title: str) -> str:
    """Tables for a README or a report."""
    parts = [f"# {_cell(title)}", ""]
    for number, board in enumerate(boards, 1):
        parts += [f"## Table {number}: {_cell(setting(board))}", ""]
        if board.difference:
            parts += [f"Not comparable with table 1: {_cell(board.difference)}.", ""]
        parts += [*_table(board), "", *_remarks(board), ""]
    return "\n".join(parts).rstrip() + "\n"


def setting(board: Board) -> str:
    """Describe protocol and reference set of a table in one line."""
    result = board.reference
    if result is None:
        return "no results"
    identities = len({clip.identity for clip in result.clips})
    protocol, real = result.protocol, result.real
    return (
        f"protocol {protocol.id} version {protocol.version}, {real.dataset} {real.split} set "
        f"{real.hash[:12]}, {result.scored} of {result.given} clips, {identities} identities"
    )


def _table(board: Board) -> list[str]:
    columns = columns_of(board, "markdown")
    lines = [
        _markdown_row(["system", *(column.heading for column in columns)]),
        _markdown_row(["---", *("---" if column.before_scores else "---:" for column in columns)]),
    ]
    for row in board.rows:
        if row.results:
            lines.append(_markdown_row([row.system, *(_shown(board, row, column) for column in columns)]))
        else:
            lines.append(_markdown_row([row.system, "", f"{row.state}: {'; '.join(row.reasons)}"]))
    return lines


def _shown(board: Board, row: Row, column: Column) -> str:
    cell = column.cell(board, row)
    return f"**{cell.text}**" if cell.mark == "best" else cell.text


def _remarks(board: Board) -> list[str]:
    remarks = [
        "Bold: best. ≈: not distinguishable from the best (paired by video, clustered by identity and by seed if "
        "several, Holm-corrected, 5%; scores of whole sets: intervals overlap). "
        "±: standard deviation over seeds. –: missing. †: not ranked."
    ]
    missing: dict[str, list[str]] = {}
    for row in board.rows:
        for name, summary in row.scores.items():
            if summary.missing:
                missing.setdefault(f"{name}: {summary.missing}", []).append(row.system)
    remarks += [f"- {_cell(note)}" for note in unranked_notes(board, board.score_names)]
    remarks += [f"- missing {_cell(what)} ({_cell(', '.join(systems))})" for what, systems in missing.items()]
    return remarks


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("|", "\\|")
