"""One object defines a column; every writer shows it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from lt_bench.cli.commands.leaderboard import leaderboard_document
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.formats.terminal import render
from lt_bench.leaderboard.page.charts import build_charts
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns import column_list
from lt_bench.leaderboard.tables.columns.column import Cell, Column
from lt_bench.leaderboard.tables.columns.column_list import COLUMNS, columns_of
from lt_bench.leaderboard.tables.rows import Row
from tests.leaderboard.conftest import board_of, fake_result


def _steps(_: Board, row: Row) -> Cell:
    value = row.cost("train_steps")
    return Cell(value, f"{value} steps")


STEPS = Column("train_steps", "optimizer steps", _steps, "steps of the optimizer", plotted=True, narrow=True)


def test_a_new_column_is_in_every_file_the_terminal_the_page_and_a_plot(
    write_results: Callable[..., list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_list, "COLUMNS", (*COLUMNS, STEPS))
    a, b = fake_result("a", 0.9), fake_result("b", 0.5)
    b.meta["train_steps"] = 700
    made = build_leaderboard(write_results(a, b), tmp_path / "out")
    (board,) = made.boards
    lines = list(csv.DictReader(io.StringIO(made.csv.read_text())))
    assert [line["train_steps"] for line in lines] == ["350", "700"]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render([board], 100))
    for text in (made.markdown.read_text(), made.latex.read_text(), made.page.read_text(), console.export_text()):
        assert all(part in text for part in ("optimizer steps", "350 steps", "700 steps"))
    rows = leaderboard_document(made)["tables"][0]["rows"]
    assert [row["train_steps"] for row in rows] == [350, 700]
    titles = [chart.title for chart in build_charts(board, columns_of(board, "page"), {"a": 0, "b": 1})]
    assert "lip_corr against optimizer steps" in titles


def test_a_column_that_no_system_has_a_value_for_is_left_out_of_texts_and_kept_in_data() -> None:
    result = fake_result()
    del result.meta["parameters"]
    board = board_of(result)
    shown = {writer: [c.key for c in columns_of(board, writer)] for writer in ("csv", "json", "markdown", "page")}
    assert [("parameters" in keys) for keys in shown.values()] == [True, True, False, False]
    assert all("fd_squeezenet" in keys for keys in shown.values())  # its reason stands below
    assert "fd_squeezenet" not in [column.key for column in columns_of(board, "terminal")]


def test_keys_are_unique_and_headings_short() -> None:
    assert len({column.key for column in COLUMNS}) == len(COLUMNS)
    assert all(len(column.heading) <= 20 for column in COLUMNS)
