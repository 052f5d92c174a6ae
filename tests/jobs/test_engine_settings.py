"""What engines tell their workers, without the clusters."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lt_bench.config import EngineConfig, SlurmConfig, TrainConfig
from lt_bench.errors import LtBenchError
from lt_bench.jobs import launch
from lt_bench.jobs.engines import ray, slurm
from lt_bench.jobs.engines.choose import check_engine, open_engine
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.jobs.engines.ray import check_room, largest_machine
from lt_bench.jobs.engines.remote import Order
from tests.faults.zygote import ForkedWorker


def test_a_worker_within_a_slurm_job_is_not_one_of_its_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, sys; sys.exit(any(name.startswith('SLURM_') for name in os.environ))"
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, "-c", script))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with closing(LocalEngine(1, 1)) as engine:
        assert engine.start(tmp_path).process.wait(30) == 0


def test_a_slurm_job_gives_its_worker_nearly_all_of_the_warning_to_save_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EngineConfig(name="slurm", slurm=SlurmConfig(cluster="local", minutes=5, signal_seconds=300))
    with closing(open_engine(config, 1, tmp_path / "out", "cpu")) as engine:
        assert isinstance(engine, slurm.SlurmEngine)
        assert engine.grace == 300 - slurm.TO_QUEUE
    stopped: list[float] = []
    monkeypatch.setattr(slurm, "stop_workers", lambda workers, grace: stopped.append(grace))
    worker = slurm.SlurmWorker(Order("x", ("true",)), engine.grace)
    worker.process = SimpleNamespace()  # type: ignore[assignment]
    again = worker.checkpoint().function
    assert stopped == [again.grace] == [280]
    assert again.process is None


@pytest.mark.parametrize(
    ("gpus", "accelerator", "there", "key"),
    [
        (0, "auto", 8, "engine.gpus"),
        (1, "auto", 8, ""),
        (0, "cpu", 8, ""),
        (0, "auto", 0, ""),
        (9, "auto", 8, "engine.gpus"),
        (0, "gpu", 0, "train.accelerator"),
    ],
)
def test_models_on_ray_have_a_gpu_where_they_need_one_and_never_share_it_unasked(
    gpus: int, accelerator: str, there: int, key: str
) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4, "GPU": there}}, {"Alive": False, "Resources": {"GPU": 99}}]
    room, config = largest_machine(SimpleNamespace(nodes=lambda: nodes)), EngineConfig(name="ray", gpus=gpus)
    with pytest.raises(LtBenchError, match=f"key '{key}': expected") if key else nullcontext():
        check_room(room, config, accelerator)


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_a_model_that_is_given_too_few_gpus_is_refused_before_anything_is_asked(name: Any, tmp_path: Path) -> None:
    with pytest.raises(LtBenchError, match=r"key 'engine\.gpus': expected at least 2, as train\.devices says, got 1"):
        check_engine(EngineConfig(name=name, gpus=1), tmp_path, TrainConfig(devices=2))


def test_a_ray_cluster_is_asked_before_anything_is_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def cluster(workers: int) -> Iterator[Any]:
        yield SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": {"CPU": 4}}])

    monkeypatch.setattr(ray, "ray_cluster", cluster)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    check_engine(EngineConfig(name="ray"), tmp_path, TrainConfig())
    with pytest.raises(LtBenchError, match=r"key 'engine\.cpus': expected at most 4, as the cluster has, got 64"):
        check_engine(EngineConfig(name="ray", cpus=64), tmp_path, TrainConfig())


def test_a_partition_that_slurm_does_not_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinfo = tmp_path / "sinfo"
    sinfo.write_text("#!/bin/sh\necho cpu\necho gpu\n")
    sinfo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for known in ("", "gpu", "cpu,gpu"):
        slurm.check_partition(EngineConfig(name="slurm", slurm=SlurmConfig(partition=known)))
    with pytest.raises(LtBenchError, match=r"partition': expected partitions of this cluster \(cpu, gpu\), got gpus"):
        slurm.check_partition(EngineConfig(name="slurm", slurm=SlurmConfig(partition="gpus")))
    sinfo.write_text("#!/bin/sh\nexit 1\n")  # Slurm's controller does not answer: sbatch will tell
    slurm.check_partition(EngineConfig(name="slurm", slurm=SlurmConfig(partition="gpus")))


def test_the_worker_of_the_fault_tests_takes_what_workers_take():
    """Those tests run by hand; a stand-in that is behind would be noticed late."""
    stand_in = inspect.signature(ForkedWorker).parameters
    assert [*stand_in] == [*inspect.signature(launch.start_worker).parameters]
