"""Grids whose workers are fake: quick processes that obey the name of their cell and measure nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lt_bench.ablation.grid_plan import Job, plan_jobs
from lt_bench.config import Cell, DataConfig, EvaluationConfig, ExperimentConfig, TrainConfig
from lt_bench.jobs import launch
from lt_bench.jobs.job_status import read_status

CACHE, PROTOCOL = "c" * 64, "f" * 64
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


class Watcher:
    """Notes what a grid tells: how each job ends, and the most that ran at once."""

    def __init__(self) -> None:
        self.most = 0
        self.ends: list[str] = []

    def tick(self, snapshot) -> None:
        self.most = max(self.most, sum(snapshot.running))

    def ended(self, job, status) -> None:
        self.ends.append(f"{job.cell.name} {status.state}")

    def retried(self, job, status) -> None:
        self.ends.append(f"{job.cell.name} again: {status.reason}")

    def stopping(self, workers) -> None:
        self.ends.append(f"stopping {workers}")


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., ExperimentConfig]:
    """Makes experiments whose cells bear the names of what the fake worker shall do."""

    def make(*names: str, seeds: tuple[int, ...] = (0,)) -> ExperimentConfig:
        cells = tuple(Cell(*name.split("-")) for name in names)
        return ExperimentConfig(
            data=DataConfig(cache=str(tmp_path / "cache")),
            train=TrainConfig(steps=10),
            evaluation=EvaluationConfig(samples=1),
            name="fake",
            out=str(tmp_path / "out"),
            cells=cells,
            seeds=seeds,
            max_parallel=2,
        )

    return make


@pytest.fixture
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are ``fake_worker.py``."""
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, str(FAKE_WORKER)))


@pytest.fixture
def jobs(experiment, fake_workers) -> Callable[..., tuple[Job, ...]]:
    """Makes the jobs of such an experiment."""
    return lambda *names, **settings: plan_jobs(experiment(*names, **settings))


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def training(jobs: Sequence[Job]) -> bool:
    """Whether every job says that it trains."""
    return all(read_status(job.folder).state == "training" for job in jobs)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition, and fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def last_pids(jobs: Sequence[Job]) -> list[int]:
    """Process ids of the workers that the jobs started last."""
    return [int((job.folder / "starts.txt").read_text().split()[-3]) for job in jobs]
