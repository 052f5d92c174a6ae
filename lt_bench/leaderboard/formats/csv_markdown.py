"""``leaderboard.csv`` and ``leaderboard.md``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.formats.cell_text import cell_text, is_best, unranked_notes
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.cost_columns import COSTS
from lt_bench.leaderboard.tables.rows import Row

FIRST = ("table", "system", "portrait", "audio", "seeds", "state", "reason")
SETTING = ("protocol", "protocol_version", "real_set", "real_hash", "clips_given", "clips_scored")
SPREAD = ("low", "high", "sd", "scored", "note")
"""What is told of every score beside its value."""


def to_csv(boards: Sequence[Board]) -> str:
    """A line a system.

    A score stands in the column of its name, empty where it is missing. ``table`` numbers the tables, and only lines of
    one table compare. ``_low`` and ``_high`` bound the confidence interval, ``_sd`` is the deviation over seeds,
    ``_scored`` the number of clips, and ``_note`` says why a value is not ranked with the others.
    """
    names = list(dict.fromkeys(name for board in boards for name in board.score_names))
    spread = [f"{name}_{kind}" for name in names for kind in SPREAD]
    text = io.StringIO()
    costs = [cost.key for cost in COSTS]
    writer = csv.DictWriter(text, [*FIRST, *names, *costs, *SETTING, *spread], restval="", lineterminator="\n")
    writer.writeheader()
    for number, board in enumerate(boards, 1):
        writer.writerows(_line(number, board, row) for row in board.rows)
    return text.getvalue()


def _line(number: int, board: Board, row: Row) -> dict[str, object]:
    line: dict[str, object] = {
        "table": number,
        "system": row.system,
        "portrait": row.portrait,
        "audio": row.audio,
        "seeds": " ".join(map(str, row.seeds)),
        "state": row.state,
        "reason": "; ".join(row.reasons),
    }
    for name, summary in row.scores.items():
        scored = None if summary.value is None else summary.score.scored
        spread = (summary.low, summary.high, summary.sd, scored, board.note(row, name))
        line |= {name: summary.value} | {f"{name}_{kind}": v for kind, v in zip(SPREAD, spread, strict=True)}
    line |= {cost.key: row.cost(cost.key) for cost in COSTS}
    if row.results and board.reference:
        protocol, real = board.reference.protocol, board.reference.real
        given, scored = row.results[0].given, row.results[0].scored
        line |= dict(
            zip(
                SETTING,
                (protocol.id, protocol.version, f"{real.dataset}/{real.split}", real.hash, given, scored),
                strict=True,
            )
        )
    return {key: "" if value is None else value for key, value in line.items()}


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
    """What was measured, in one line."""
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
    names = board.score_names
    head = ["system", "seeds", *(f"{name} {arrow(board.score(name))}".strip() for name in names)]
    head += [cost.title for cost in COSTS]
    lines = [_markdown_row(head), _markdown_row(["---", "---", *["---:"] * (len(head) - 2)])]
    for row in board.rows:
        if not row.results:
            lines.append(_markdown_row([row.system, "", f"{row.state}: {'; '.join(row.reasons)}"]))
            continue
        cells = [row.system, " ".join(map(str, row.seeds)), *(_score_cell(board, row, name) for name in names)]
        lines.append(_markdown_row([*cells, *(cost.text(row.cost(cost.key)) for cost in COSTS)]))
    return lines


def arrow(score: Score) -> str:
    """The direction of a score: up, down, towards its target, or nothing."""
    if score.higher_is_better is None:
        return "" if score.target is None else f"→{short_number(score.target)}"
    return "↑" if score.higher_is_better else "↓"


def _score_cell(board: Board, row: Row, name: str) -> str:
    text = cell_text(board, row, name)
    return f"**{text}**" if is_best(board, row, name) else text


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
