"""Progress in a log and on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lt_bench import progress
from lt_bench.progress import ProgressLines, clock


def written(monkeypatch: pytest.MonkeyPatch, every: float, terminal: bool = False) -> str:
    monkeypatch.setattr(progress, "EVERY", every)
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=200)
    with ProgressLines("loss {task.fields[loss]}", console=console) as bar:
        task = bar.add_task("prepare [x]", total=3, loss="-")
        for done in range(1, 4):
            bar.update(task, completed=done, loss=f"0.{done}")
    return file.getvalue()


def test_a_log_gets_lines_with_what_is_done_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = written(monkeypatch, every=0).splitlines()
    assert [line.split(",")[0] for line in lines] == ["prepare [x] 1/3", "prepare [x] 2/3", "prepare [x] 3/3"]
    assert "loss 0.2" in lines[1]
    assert lines[1].endswith(" left")
    assert lines[2].endswith(" elapsed")


def test_a_log_is_not_flooded_but_gets_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line.split(",")[0] for line in written(monkeypatch, every=60).splitlines()] == ["prepare [x] 3/3"]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(monkeypatch, every=0, terminal=True)
    assert "\x1b[" in text
    assert "3/3" in text


def test_clock() -> None:
    assert [clock(s) for s in (None, 42, 185, 7620)] == ["?", "0:42", "3:05", "2:07:00"]


def test_single_steps_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0)
    file = io.StringIO()
    with ProgressLines(console=Console(file=file, width=200)) as bar:
        task = bar.add_task("generating", total=2)
        bar.advance(task)
        bar.advance(task)
    assert [line.split(",")[0] for line in file.getvalue().splitlines()] == ["generating 1/2", "generating 2/2"]


def test_the_time_left_is_known_where_a_step_takes_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0)
    now, file = [0.0], io.StringIO()
    with ProgressLines(console=Console(file=file, width=200)) as bar:
        bar.get_time = lambda: now[0]
        task = bar.add_task("preparing", total=4)
        for done in (1, 2, 3):
            now[0] += 40
            bar.update(task, completed=done)
    assert [line.split(", ")[-1] for line in file.getvalue().splitlines()] == ["? left", "1:20 left", "0:40 left"]
