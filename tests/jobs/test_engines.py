"""The same grid on every engine: results, retries, and no worker left behind. Workers are fake, engines are not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from lt_bench.ablation.grid_runner import Rules, run_jobs
from lt_bench.config import EngineConfig, SlurmConfig, to_yaml
from lt_bench.errors import LtBenchError
from lt_bench.jobs.command_lease import VARIABLE, Lease
from lt_bench.jobs.engines.choose import open_engine
from lt_bench.jobs.engines.slurm import build_executor, parameters
from lt_bench.jobs.job_status import read_status
from tests.support.fake_grid import FAKE_WORKER, Watcher, alive, last_pids, training, wait_until

ENGINES = {
    "local": EngineConfig(),
    "ray": EngineConfig(name="ray"),
    "slurm": EngineConfig(name="slurm", slurm=SlurmConfig(cluster="local", minutes=5)),
}
SLOW = [pytest.param("local"), *(pytest.param(name, marks=pytest.mark.slow) for name in ("ray", "slurm"))]
# Ray and submitit, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.mark.parametrize("name", SLOW)
def test_every_engine_runs_retries_and_keeps_reasons_alike(name, jobs, tmp_path):
    some, watcher = jobs("works-a", "mends-a", "fails-a", "dies-a"), Watcher()
    with closing(open_engine(ENGINES[name], 2, tmp_path / "out", "cpu")) as engine:
        statuses = run_jobs(some, Rules("c" * 64, "f" * 64, retries=1), engine, watcher)
    assert [status.state for status in statuses] == ["done", "done", "failed", "failed"]
    assert [len(status.failures) for status in statuses] == [0, 1, 1, 1]
    assert statuses[1].failures == ("first line second line",)
    assert statuses[2].reason == "first line second line"
    assert "SIGKILL" in statuses[3].reason
    assert "SIGKILL" in statuses[3].failures[0]
    assert sorted(watcher.ends) == [
        "dies-a again: " + statuses[3].reason,
        "dies-a failed",
        "fails-a again: first line second line",
        "fails-a failed",
        "mends-a again: first line second line",
        "mends-a done",
        "works-a done",
    ]
    assert watcher.most == 2
    assert [read_status(job.folder) for job in some] == list(statuses)
    starts = [len((job.folder / "starts.txt").read_text().splitlines()) for job in some]
    assert starts == [1, 2, 2, 2]


SCRIPT = """
import sys
from contextlib import closing
from pathlib import Path
from lt_bench.jobs import launch
from lt_bench.ablation.grid_plan import plan_jobs
from lt_bench.ablation.grid_runner import Rules, run_jobs
from lt_bench.jobs import command_lease as lease
from lt_bench.jobs.engines.choose import open_engine
from lt_bench.config import ExperimentConfig, load_config
launch.COMMAND = (sys.executable, sys.argv[2])
lease.EVERY, lease.GRACE = 0.2, 2.0
lease.Lease.__init__.__defaults__ = (0.2, 2.0)
class Watcher:
    def tick(self, snapshot): pass
    def ended(self, job, status): pass
    def stopping(self, workers): print("stopping", workers, flush=True)
config = load_config(ExperimentConfig, sys.argv[1])
with closing(open_engine(config.engine, 2, Path(config.out), "cpu")) as engine:
    run_jobs(plan_jobs(config), Rules("c" * 64, "f" * 64), engine, Watcher())
"""


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("name", list(ENGINES))
def test_no_worker_outlives_its_command_on_any_engine(name, number, experiment, jobs, tmp_path):
    import dataclasses

    config = dataclasses.replace(experiment("sleeps-a", "sleeps-b"), engine=ENGINES[name])
    (tmp_path / "e.yaml").write_text(to_yaml(config))
    some = jobs("sleeps-a", "sleeps-b")
    worker = str(FAKE_WORKER)
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "e.yaml"), worker])
    try:
        wait_until(lambda: training(some))
    finally:
        parent.send_signal(number)
        parent.wait(60)
    pids = last_pids(some)
    wait_until(lambda: not any(map(alive, pids)), 30)
    assert training(some)


@pytest.mark.slow
def test_a_slurm_job_whose_time_is_over_saves_itself_and_goes_on(jobs, tmp_path):
    """Submitit's signal, as Slurm sends it before the end of a job's time."""
    (job,) = jobs("sleeps-a")
    engine = open_engine(ENGINES["slurm"], 1, tmp_path / "out", "cpu")
    with closing(engine):
        job.folder.mkdir(parents=True)
        task = engine.start(job.folder)
        starts = job.folder / "starts.txt"
        wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) == 1)
        first = int(starts.read_text().split()[0])
        time.sleep(0.5)
        (process,) = psutil.Process(task.job._process.pid).children()
        process.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(starts.read_text().splitlines()) == 2)
        assert not alive(first)
        assert task.ending() is None
        engine.stop([task])
        assert task.job.done()
        assert not alive(int(starts.read_text().split()[-3]))


def test_what_slurm_is_told_follows_the_configuration():
    slurm = SlurmConfig(partition="gpu", account="lab", minutes=90, memory_gb=64, setup=("module load cuda",))
    config = EngineConfig(name="slurm", cpus=8, gpus=2, slurm=slurm)
    told = parameters(config)
    assert told["slurm_partition"] == "gpu"
    assert (told["timeout_min"], told["cpus_per_task"], told["gpus_per_node"], told["mem_gb"]) == (90, 8, 2, 64)
    assert "slurm_qos" not in told
    from submitit.slurm.slurm import _make_sbatch_string

    executor_names = {"timeout_min": "time", "name": "job_name", "tasks_per_node": "ntasks_per_node"}
    named = {executor_names.get(key, key.removeprefix("slurm_")): value for key, value in told.items()}
    named["mem"] = f"{named.pop('mem_gb')}GB"
    script = _make_sbatch_string("true", "/tmp/x", **named)
    for line in ("partition=gpu", "account=lab", "time=90", "cpus-per-task=8", "gpus-per-node=2", "mem=64GB"):
        assert f"#SBATCH --{line}\n" in script
    assert "#SBATCH --signal=USR2@180" in script
    assert "module load cuda" in script


def test_a_machine_without_slurm_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LtBenchError, match=r"engine slurm: expected Slurm on this machine, got: .*sbatch|srun"):
        build_executor(EngineConfig(name="slurm"), tmp_path)


LEASED = """
import os, time
from lt_bench.jobs.command_lease import die_without_lease
os.setsid()
die_without_lease()
print(1, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["removed", "another command's", "silent"])
def test_a_worker_ends_when_its_lease_is(how, tmp_path):
    lease = Lease(tmp_path / "lease", every=0.05, grace=0.5)
    with lease:
        worker = subprocess.Popen(
            [sys.executable, "-c", LEASED], env={**os.environ, **lease.variable}, stdout=subprocess.PIPE
        )
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(0.7)
        assert worker.poll() is None  # it is kept
        if how == "another command's":
            with Lease(tmp_path / "lease"):
                assert worker.wait(20) == -signal.SIGKILL
        elif how == "silent":
            lease._ends.set()
            assert worker.wait(20) == -signal.SIGKILL
    assert worker.wait(20) == -signal.SIGKILL
    worker.stdout.close()
    assert VARIABLE not in os.environ
