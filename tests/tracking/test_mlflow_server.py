"""A real MLflow server that is killed in mid-run and comes back: nothing is lost, nothing stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from lt_bench.config import RunConfig, TrainConfig
from lt_bench.jobs.job_tracking import running_record, trained_record
from lt_bench.tracking.background import BackgroundTracker
from lt_bench.tracking.mlflow_tracker import MlflowTracker
from lt_bench.tracking.record import Artifact, RunRecord

# A server takes many seconds to start, three times here.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
]
TAGS = {"git_commit": "abc", "cache_hash": "c" * 64}


class Server:
    """``mlflow server`` on loopback, which may be killed and started again on the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=env)
        deadline = time.monotonic() + 300
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    made = Server(tmp_path)
    made.start()
    yield made
    made.kill()


def train_to(folder: Path, step: int) -> None:
    """The files of a training that has come so far."""
    rows = [f"{s},{1 / s!r},0.001,{s / 10}" for s in range(10, step + 1, 10)]
    (folder / "metrics.csv").write_text("\n".join(["step,loss,learning_rate,seconds", *rows]) + "\n")
    (folder / "system.csv").write_text("".join(f"{1000 + s},cpu_utilization_percentage,{s}\n" for s in range(step)))


def wait_for(condition, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_a_killed_server_stops_nothing_and_gets_everything_when_it_is_back(server, tmp_path):
    from mlflow import MlflowClient

    out, config = tmp_path / "run", RunConfig(train=TrainConfig(steps=60))
    out.mkdir()
    tracker = BackgroundTracker(MlflowTracker(out, "train", server.uri), every=0.2)
    api = MlflowClient(server.uri)
    train_to(out, 20)
    tracker.parent(RunRecord("experiment", running=True))
    tracker.follow("run", lambda: running_record("run", config, out, TAGS, TAGS["cache_hash"]))

    def found() -> dict:
        experiment = api.get_experiment_by_name("train")
        runs = api.search_runs([experiment.experiment_id]) if experiment else []
        return {run.info.run_name: run for run in runs}

    wait_for(lambda: "run" in found() and found()["run"].data.metrics.get("train/loss") == 1 / 20)  # live
    assert found()["run"].info.status == "RUNNING"

    server.kill()
    train_to(out, 40)  # training goes on
    wait_for(lambda: bool(tracker.problem))
    train_to(out, 60)
    (out / "config.yaml").write_text("x: 1\n")
    tracker.child(trained_record("run", config, out, TAGS, TAGS["cache_hash"], ""))
    tracker.parent(RunRecord("experiment", artifacts=(Artifact(out / "config.yaml", "search"),)))

    server.start()
    wait_for(lambda: not tracker.problem)  # the same process, by itself
    assert tracker.close(60)
    assert tracker.problem == ""
    runs = found()
    assert set(runs) == {"experiment", "run"}
    assert len(api.search_runs([runs["run"].info.experiment_id])) == 2
    run = runs["run"]
    assert run.data.tags["mlflow.parentRunId"] == runs["experiment"].info.run_id
    assert run.info.status == runs["experiment"].info.status == "FINISHED"
    assert [(m.step, m.value) for m in api.get_metric_history(run.info.run_id, "train/loss")] == [
        (step, 1 / step) for step in range(10, 61, 10)
    ]
    cpu = api.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert [m.step for m in cpu] == list(range(60))
    assert [f.path for f in api.list_artifacts(runs["experiment"].info.run_id, "search")] == ["search/config.yaml"]
    assert run.data.tags["git_commit"] == "abc"
    assert run.inputs.dataset_inputs[0].dataset.digest == "c" * 36

    check_later_command(server, out, config, api)


def check_later_command(server: Server, out: Path, config: RunConfig, api) -> None:
    """What a command could not send before it ended, the same command sends when it is typed again."""
    record = trained_record("late", config, out, TAGS, TAGS["cache_hash"], "")
    server.kill()
    ends = BackgroundTracker(MlflowTracker(out, "train", server.uri), every=0.2)
    ends.child(record)
    assert ends.close(60)
    assert ends.problem
    server.start()
    again = BackgroundTracker(MlflowTracker(out, "train", server.uri), every=0.2)
    again.child(record)
    assert again.close(60)
    assert again.problem == ""
    experiment = api.get_experiment_by_name("train").experiment_id
    (late,) = api.search_runs([experiment], filter_string="run_name = 'late'")
    assert len(api.get_metric_history(late.info.run_id, "train/loss")) == 6
