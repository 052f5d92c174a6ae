"""kill -9 at twenty random moments: the same command then ends with the bytes of an undisturbed run."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.commands import SIDE_BY_SIDE
from tests.faults.normalised import differences, normalised
from tests.faults.processes import Warm
from tests.faults.undisturbed import Whole

pytestmark = [pytest.mark.slow, pytest.mark.faults]
KILLS = 20
ROW = 4
"""Kills in one folder, each further on, before the command is let end there."""
DAY = 24 * 3600.0
CLOCKS = (0.0, DAY, 0.0, -DAY)
"""How far the clock is put back after each kill of a row; the files are then from tomorrow, or from yesterday."""


def moments(name: str) -> Iterator[list[float]]:
    """Of the kills in each folder, as shares of the undisturbed run: seeded, and spread over all of it."""
    rng = random.Random(name)
    spread = [(k + rng.random()) / KILLS for k in range(KILLS)]
    yield from (spread[first :: KILLS // ROW] for first in range(KILLS // ROW))
    while True:  # in place of those that came too late, since nothing before them was lost
        yield [rng.random()]


@pytest.mark.parametrize("name", ["search", "ablate", "prepare", "train", "evaluate"])
def test_killed_at_twenty_moments_it_ends_as_if_nothing_had_been(name, arena, warm, undisturbed):
    whole, kills = undisturbed(name), 0
    for number, row in enumerate(moments(name)):
        folder = arena()
        kills += kill_in_a_row(name, folder, row, number, whole, warm)
        last = warm(name, folder)
        assert last.wait() == 0, last.said()
        assert "did not take all" not in last.said()  # of MLflow
        assert differences(normalised(folder / "out"), whole.files) == []
        if kills >= KILLS:
            return


def kill_in_a_row(
    name: str, folder: Path, row: list[float], number: int, whole: Whole, start: Callable[..., Warm]
) -> int:
    """Kill the command at each moment of a row, or until it has ended before one; the number of kills."""
    for count, moment in enumerate(row):
        running = start(name, folder, *(SIDE_BY_SIDE.get(name, ()) if number == 1 else ()))
        alive = running.until(moment * whole.work)
        if not alive:
            assert running.wait() == 0, running.said()
            return count
        running.kill(alone=(count + number) % 2 == 1)
        put_clock_back(folder / "out", CLOCKS[number % len(CLOCKS)])
    return len(row)


def put_clock_back(folder: Path, seconds: float) -> None:
    """As if the clock had been put back, or on, since the files were written."""
    for path in [folder, *folder.rglob("*")] if seconds and folder.exists() else ():
        os.utime(path, times=(time.time() + seconds,) * 2, follow_symlinks=False)
