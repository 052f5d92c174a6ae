"""A grid whose workers are fake: quick processes that obey the name of their cell and measure nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lt_bench.ablation.grid_plan import Job, plan_jobs
from lt_bench.config import Cell, DataConfig, EvaluationConfig, ExperimentConfig, TrainConfig
from lt_bench.jobs import launch

CACHE, PROTOCOL = "c" * 64, "f" * 64


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
    script = Path(__file__).with_name("fake_worker.py")
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, str(script)))


@pytest.fixture
def jobs(experiment, fake_workers) -> Callable[..., tuple[Job, ...]]:
    """Makes the jobs of such an experiment."""
    return lambda *names, **settings: plan_jobs(experiment(*names, **settings))
