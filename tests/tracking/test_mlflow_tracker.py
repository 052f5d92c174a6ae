"""What MLflow holds after logging, logging again, failing and mending."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lt_bench.tracking.background import BackgroundTracker
from lt_bench.tracking.mlflow_tracker import MlflowTracker
from lt_bench.tracking.record import Artifact, Point, RunRecord

# MLflow uses a loader of SQLAlchemy that is to go.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


def record(tmp_path: Path, name: str = "symbiotic-direct/seed0", **changes) -> RunRecord:
    file = tmp_path / "result.json"
    file.write_text("{}")
    values = {
        "params": {f"train.key{k}": str(k) for k in range(130)} | {"data.folder": "", "long": "x" * 9000},
        "tags": {"cache": "c0ffee"},
        "curves": tuple(Point("train/loss", 10 * k, 1 / (k + 1)) for k in range(1200)),
        "scores": {"lip_corr": 0.9, "lip_corr_low": 0.8},
        "artifacts": (Artifact(file, "results"),),
    }
    return RunRecord(name, **(values | changes))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One database for the module: creating its tables takes seconds."""
    out = tmp_path_factory.mktemp("experiment")
    tracker = MlflowTracker(out, "grid")
    tracker.log_parent(RunRecord("grid", tags={"git_commit": "abc"}))
    return tracker


def runs(tracker: MlflowTracker) -> dict[str, object]:
    from mlflow import MlflowClient

    found = MlflowClient(tracker.address).search_runs([tracker._state["experiment_id"]])
    return {run.info.run_name: run for run in found}


def test_a_child_has_parent_params_curves_scores_and_files(client, tmp_path):
    from mlflow import MlflowClient

    client.log_child(record(tmp_path))
    found = runs(client)
    child, parent = found["symbiotic-direct/seed0"], found["grid"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["git_commit"] == "abc"
    assert child.info.status == "FINISHED"
    assert child.data.params["train.key129"] == "129"
    assert child.data.metrics["lip_corr"] == 0.9
    api = MlflowClient(client.address)
    curve = api.get_metric_history(child.info.run_id, "train/loss")
    assert [(m.step, m.value) for m in curve[:2]] == [(0, 1.0), (10, 0.5)]
    assert len(curve) == 1200
    assert [f.path for f in api.list_artifacts(child.info.run_id, "results")] == ["results/result.json"]
    assert (client.out / "mlartifacts").is_dir()
    assert (client.out / "mlflow.db").is_file()


def test_logging_again_doubles_nothing(client, tmp_path):
    from mlflow import MlflowClient

    client.log_child(record(tmp_path, "again"))
    # Another process, and one that died before it noted that all is logged.
    other = MlflowTracker(client.out, "grid")
    other._connect()
    other._state["runs"]["again"]["fingerprint"] = ""
    other.log_child(record(tmp_path, "again"))
    found = [r for r in runs(client).values() if r.info.run_name == "again"]
    assert len(found) == 1
    assert len(MlflowClient(client.address).get_metric_history(found[0].info.run_id, "train/loss")) == 1200
    client._state = other._state


def test_a_failed_run_is_mended_in_place(client, tmp_path):
    client.log_child(record(tmp_path, "cell", failed="out of memory", scores={}))
    failed = runs(client)["cell"]
    assert (failed.info.status, failed.data.tags["failed"]) == ("FAILED", "out of memory")
    client.log_child(record(tmp_path, "cell"))
    mended = runs(client)["cell"]
    assert mended.info.run_id == failed.info.run_id
    assert mended.info.status == "FINISHED"
    assert mended.data.metrics["lip_corr"] == 0.9


def test_a_server_that_is_down_is_one_line_and_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tracker = BackgroundTracker(MlflowTracker(tmp_path, "grid", f"http://127.0.0.1:{port}"))
    tracker.child(record(tmp_path))
    tracker.child(record(tmp_path, "second"))
    assert tracker.close(60)
    assert "onnection" in tracker.problem
    assert "\n" not in tracker.problem
    assert not (tmp_path / "tracking.json").exists()


def test_the_fingerprint_tells_records_apart(tmp_path):
    base = record(tmp_path)
    assert base.fingerprint == record(tmp_path).fingerprint
    assert base.fingerprint != record(tmp_path, failed="x").fingerprint
    assert base.fingerprint != record(tmp_path, scores={"lip_corr": 0.91}).fingerprint
