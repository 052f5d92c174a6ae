"""The loop of grids and searches: how many run at once, what is called when, and what an interrupt leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lt_bench.jobs import polling_runner
from lt_bench.jobs.engines.base import Ending, Task
from lt_bench.jobs.polling_runner import PollingRunner


@dataclass
class FakeTask:
    """A worker that ends after a number of looks."""

    looks: int

    def ending(self) -> Ending | None:
        self.looks -= 1
        return None if self.looks > 0 else Ending(0)


@dataclass
class FakeEngine:
    """Starts nothing; notes which tasks it is asked to stop."""

    workers: int
    stopped: list[Task] = field(default_factory=list)

    def start(self, folder: Path) -> FakeTask:
        return FakeTask(int(folder.name))

    def stop(self, tasks: Sequence[Task]) -> None:
        self.stopped += tasks

    def close(self) -> None: ...


@dataclass
class FakeJob:
    name: str
    task: FakeTask


@dataclass
class FakeRunner(PollingRunner[FakeJob]):
    """Runs jobs named by how often they are looked at before they end; notes every call."""

    engine: FakeEngine
    left: list[str]
    running: list[FakeJob] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    most: int = 0
    shown: int = 0
    fails_at: str = ""

    def start_next(self) -> bool:
        if not self.left:
            return False
        name = self.left.pop(0)
        if name != "0":  # one that needs no worker
            self.running.append(FakeJob(name, self.engine.start(Path(name))))
        return True

    def react(self, one: FakeJob, ending: Ending) -> None:
        self.calls.append(f"{one.name} ended {ending.code}")
        if one.name == self.fails_at:
            raise RuntimeError("no room")

    def show(self) -> None:
        self.shown += 1
        self.most = max(self.most, len(self.running))

    def is_finished(self) -> bool:
        return not self.left

    def notify_stopping(self) -> None:
        self.calls.append(f"stopping {len(self.running)}")

    def release(self, one: FakeJob) -> None:
        self.calls.append(f"{one.name} released")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling_runner, "POLL", 0.0)


def test_every_job_runs_and_never_more_at_once_than_the_engine_has_workers() -> None:
    runner = FakeRunner(FakeEngine(2), ["3", "1", "0", "2", "4"])
    runner.run()
    assert runner.calls == ["1 ended 0", "3 ended 0", "2 ended 0", "4 ended 0"]
    assert runner.most == 2
    assert runner.engine.stopped == []


def test_nothing_to_run_is_shown_once_and_ends() -> None:
    runner = FakeRunner(FakeEngine(2), [])
    runner.run()
    assert runner.shown == 1
    assert runner.calls == []


def test_an_interrupt_stops_and_releases_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: Iterator[None] = iter([None, None])

    def nap(_seconds: float) -> None:
        if next(naps, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr(polling_runner.time, "sleep", nap)
    runner = FakeRunner(FakeEngine(2), ["1", "9", "8", "7"])
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert runner.calls == ["1 ended 0", "stopping 2", "9 released", "8 released"]
    assert len(runner.engine.stopped) == 2
    assert runner.left == ["7"]


def test_an_error_in_a_reaction_stops_the_others_and_is_raised() -> None:
    runner = FakeRunner(FakeEngine(2), ["1", "9"], fails_at="1")
    with pytest.raises(RuntimeError, match="no room"):
        runner.run()
    assert runner.calls == ["1 ended 0", "9 released"]
    assert len(runner.engine.stopped) == 1
