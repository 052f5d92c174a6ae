"""What engines tell their workers, without the clusters."""

from __future__ import annotations

import inspect
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lt_bench.config import EngineConfig, SlurmConfig
from lt_bench.errors import LtBenchError
from lt_bench.jobs import launch
from lt_bench.jobs.engines import slurm
from lt_bench.jobs.engines.choose import open_engine
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.jobs.engines.ray import RayEngine
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
    ("gpus", "needs_gpu", "there", "refused"),
    [(0, True, 8, True), (1, True, 8, False), (0, False, 8, False), (0, True, 0, False), (9, True, 8, True)],
)
def test_models_on_ray_never_share_a_gpu_unasked(gpus: int, needs_gpu: bool, there: int, refused: bool) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4, "GPU": there}}, {"Alive": False, "Resources": {"GPU": 99}}]
    engine: Any = RayEngine.__new__(RayEngine)
    engine.cpus, engine.gpus, engine._ray = 1, gpus, SimpleNamespace(nodes=lambda: nodes)
    if refused:
        with pytest.raises(LtBenchError, match=r"key 'engine\.gpus': expected"):
            engine._check_room(needs_gpu)
    else:
        engine._check_room(needs_gpu)


def test_the_worker_of_the_fault_tests_takes_what_workers_take():
    """Those tests run by hand; a stand-in that is behind would be noticed late."""
    stand_in = inspect.signature(ForkedWorker).parameters
    assert [*stand_in] == [*inspect.signature(launch.start_worker).parameters]
