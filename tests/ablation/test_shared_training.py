"""Cells that differ only in sampling and evaluation keys share one training. Workers are fake."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lt_bench.ablation.grid_plan import plan_jobs
from lt_bench.ablation.grid_runner import Rules, run_jobs
from lt_bench.ablation.shared_training import share_trainings, training_identity
from lt_bench.config import RunConfig, parse_config
from lt_bench.jobs.engines.local import LocalEngine

pytestmark = pytest.mark.usefixtures("fake_workers")


class Watcher:
    """Notes who ran beside whom."""

    def __init__(self) -> None:
        self.together: list[set[str]] = []
        self.ends: list[str] = []

    def tick(self, snapshot) -> None:
        self.together.append({job.name for job, runs in zip(snapshot.jobs, snapshot.running, strict=True) if runs})

    def ended(self, job, status) -> None:
        self.ends.append(f"{job.name} {status.state}")

    def retried(self, job, status) -> None:
        self.ends.append(f"{job.name} again")

    def stopping(self, workers) -> None: ...


@pytest.fixture
def grid(experiment):
    """Jobs with three guidance scales, of two seeds."""

    def make(*names: str, **axes):
        config = experiment(*names, seeds=(0, 1))
        return plan_jobs(dataclasses.replace(config, grid={"sampling.audio_scale": (1.0, 2.0, 3.0), **axes}))

    return make


def run(jobs, retries: int = 0):
    watcher = Watcher()
    statuses = run_jobs(jobs, Rules("c" * 64, "f" * 64, retries), LocalEngine(2, 4), watcher)
    return [status.state for status in statuses], watcher


def own_models(jobs) -> list[str]:
    models = [job.folder / "model.safetensors" for job in jobs]
    return [str(path.parent.relative_to(path.parents[2])) for path in models if not path.is_symlink()]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"sampling": {"steps": 3, "audio_scale": 2.0}}, True),
        ({"evaluation": {"clips": 2}}, True),
        ({"train": {"threads": 3, "log_every": 7}, "data": {"cache": "elsewhere"}}, True),
        ({"train": {"seed": 1}}, False),
        ({"train": {"steps": 11}}, False),
        ({"train": {"accumulate": 2}}, False),
        ({"model": {"fusion": {"audio": "siamese"}}}, False),
        ({"diffusion": {"prediction": "sample"}}, False),
        ({"data": {"codec": "taef2"}}, False),
    ],
)
def test_the_training_identity_follows_every_key_that_decides_weights_and_no_other(changes, same):
    changed = parse_config(RunConfig, changes)
    assert (training_identity(changed) == training_identity(RunConfig())) == same


def test_a_grid_over_guidance_trains_each_cell_and_seed_once(grid):
    jobs = grid("works-a", "works-b")
    states, _ = run(jobs)
    assert states == ["done"] * 12
    assert own_models(jobs) == [f"works-{cell},audio_scale=1.0/seed{seed}" for seed in (0, 1) for cell in ("a", "b")]
    assert len({(job.folder / "model.safetensors").read_text() for job in jobs}) == 2  # by cell; the fake has no seed
    for job in jobs:
        model = job.folder / "model.safetensors"
        assert model.read_text() == f"trained in {job.cell.name},audio_scale=1.0"
        assert not model.is_symlink() or not Path(model.readlink()).is_absolute()


@pytest.mark.slow
def test_cells_that_wait_for_a_model_run_side_by_side_once_it_is_there(grid):
    jobs = grid("works-a")
    _, watcher = run(jobs)
    first = {job.name for job in jobs if job.setting[0][1] == 1.0}
    assert any(len(some) == 2 for some in watcher.together)
    begun: set[str] = set()
    for some in watcher.together:
        assert all(name in first or any(f.endswith(name[-5:]) for f in begun & first) for name in some)
        begun |= some


def test_a_model_that_is_there_is_used_whichever_cell_trained_it(grid, experiment):
    jobs = grid("works-a")
    run([job for job in jobs if job.setting[0][1] == 3.0])
    trainers = share_trainings(jobs)
    assert {trainer.setting[0][1] for trainer in trainers.values()} == {3.0}
    states, _ = run(jobs)
    assert states == ["done"] * 6
    assert own_models(jobs) == ["works-a,audio_scale=3.0/seed0", "works-a,audio_scale=3.0/seed1"]


def test_a_training_that_fails_fails_those_that_share_it_with_its_reason(grid):
    jobs = [job for job in grid("fails-a", "works-a") if job.seed == 0]
    states, watcher = run(jobs)
    assert states == ["failed"] * 3 + ["done"] * 3
    reasons = [(job.folder / "status.json").read_text() for job in jobs[:3]]
    assert "its training, shared with fails-a,audio_scale=1.0/seed0, failed: first line second line" in reasons[1]
    assert not (jobs[1].folder / "starts.txt").exists()
    assert sum(end.startswith("fails") for end in watcher.ends) == 3


def test_a_cell_that_cannot_be_generated_does_not_stop_those_that_share_its_model(grid):
    jobs = [job for job in grid("ungenerable-a") if job.seed == 0]
    states, _ = run(jobs)
    assert states == ["failed"] * 3
    assert all((job.folder / "starts.txt").exists() for job in jobs)
    assert own_models(jobs) == ["ungenerable-a,audio_scale=1.0/seed0"]
