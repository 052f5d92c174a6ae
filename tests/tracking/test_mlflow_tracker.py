"""What MLflow holds after logging, logging again, failing and mending."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lt_bench.tracking.background import BackgroundTracker
from lt_bench.tracking.mlflow_tracker import MlflowTracker, sqlite_url
from lt_bench.tracking.record import Artifact, DatasetRef, Point, RunRecord
from lt_bench.tracking.registry import find_run, register_model
from lt_bench.tracking.state import read_state, write_state

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

    api = MlflowClient(tracker.address)
    found = api.search_runs([api.get_experiment_by_name(tracker.experiment).experiment_id])
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
    state = read_state(client.out, "again")
    # A process that died before it noted what the server took, and one that died before it noted that the run exists.
    for forgotten in ({"sent": {}}, {"run_id": "", "sent": {}}):
        write_state(client.out, "again", dataclasses.replace(state, fingerprint="", **forgotten))
        MlflowTracker(client.out, "grid").log_child(record(tmp_path, "again"))
        found = [r for r in runs(client).values() if r.info.run_name == "again"]
        assert len(found) == 1
        assert len(MlflowClient(client.address).get_metric_history(found[0].info.run_id, "train/loss")) == 1200


def test_a_run_that_goes_on_gets_each_point_once_and_data_by_name_and_hash(client, tmp_path):
    import mlflow
    from mlflow import MlflowClient

    data = (DatasetRef("synthetic", "ab" * 32, str(tmp_path), "training"),)
    points = tuple(Point("train/loss", step, 1.0 / step, after=step / 2) for step in range(1, 7))
    for so_far in (2, 4, 6):
        client.log_child(RunRecord("live", curves=points[:so_far], datasets=data, running=so_far < 6))
    run = runs(client)["live"]
    history = MlflowClient(client.address).get_metric_history(run.info.run_id, "train/loss")
    assert [(m.step, m.value) for m in history] == [(p.step, p.value) for p in points]
    assert history[3].timestamp - history[1].timestamp == 1000
    assert run.info.status == "FINISHED"
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("synthetic", ("ab" * 32)[:36])
    assert json.loads(used.dataset.profile) == {"sha256": "ab" * 32}
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert str(tmp_path) in mlflow.data.get_source(used.dataset).uri


def test_what_the_server_has_lost_is_logged_anew_and_what_it_still_has_is_not_doubled(tmp_path):
    from mlflow import MlflowClient

    def log(*names: str, running: bool, out: str = "out") -> dict[str, object]:
        tracker = MlflowTracker(tmp_path / out, "grid")
        tracker.log_parent(RunRecord("grid", running=running))
        for name in names:
            tracker.log_child(RunRecord(name, scores={"lip_corr": 0.5}))
        return runs(tracker)

    first = log("a", "b", running=True)
    shutil.copytree(tmp_path / "out" / "tracking", tmp_path / "removed" / "tracking")  # all but the database
    second = log("a", "b", running=False, out="removed")
    assert second.keys() == first.keys() == {"grid", "a", "b"}
    assert second["a"].data.metrics == {"lip_corr": 0.5}
    api = MlflowClient(MlflowTracker(tmp_path / "removed", "grid").address)
    for name in ("grid", "a"):
        api.delete_run(second[name].info.run_id)
    third = log("a", "b", running=True, out="removed")
    assert third.keys() == first.keys()
    assert third["b"].info.run_id == second["b"].info.run_id
    assert third["a"].info.run_id != second["a"].info.run_id
    assert {third[name].data.tags["mlflow.parentRunId"] for name in "ab"} == {third["grid"].info.run_id}


def test_the_library_reports_to_nobody():
    code = (
        "import lt_bench.tracking.mlflow_tracker; import mlflow; from mlflow.telemetry.utils import "
        "is_telemetry_disabled; import sys; sys.exit(not is_telemetry_disabled())"
    )
    variables = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "PYTHONPATH"}}
    assert subprocess.run([sys.executable, "-c", code], env=variables, check=False).returncode == 0


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


def test_the_fingerprint_tells_records_apart(tmp_path):
    base = record(tmp_path)
    assert base.fingerprint == record(tmp_path).fingerprint
    assert base.fingerprint != record(tmp_path, failed="x").fingerprint
    assert base.fingerprint != record(tmp_path, scores={"lip_corr": 0.91}).fingerprint


def test_a_model_is_registered_once_as_a_version_of_the_run_that_made_it(client, tmp_path):
    from mlflow import MlflowClient

    folder = client.out / "cells" / "one"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    client.log_child(RunRecord("one", folder=folder))
    out, state = find_run(folder / "model.safetensors")
    assert (out.resolve(), state.run_id) == (client.out.resolve(), runs(client)["one"].info.run_id)
    assert find_run(tmp_path / "model.safetensors") is None
    arguments = (client, "letstalk", folder / "model.safetensors", "ab" * 32, RunRecord("unused"), state.run_id)
    first = register_model(*arguments, alias="champion")
    again = register_model(*arguments)
    assert (first.version, first.run_id, first.created) == ("1", state.run_id, True)
    assert (again.version, again.created) == ("1", False)
    api = MlflowClient(client.address)
    assert api.get_model_version_by_alias("letstalk", "champion").tags["sha256"] == "ab" * 32
    files = {file.path for file in api.list_artifacts(state.run_id, "model")}
    assert files == {"model/MLmodel", "model/model.safetensors"}
    other = register_model(client, "letstalk", folder / "model.safetensors", "cd" * 32, RunRecord("made"), "")
    assert (other.version, other.created) == ("2", True)
    assert runs(client)["made"].info.run_id == other.run_id


@pytest.mark.parametrize("name", ["a?x", "b%41", "c#d e"])
def test_a_database_lies_in_its_folder_whatever_that_is_called(tmp_path: Path, name: str):
    from sqlalchemy import make_url

    out = tmp_path / name
    assert make_url(sqlite_url(out / "mlflow.db")).database == str(out / "mlflow.db")
    if name == "b%41":  # making one takes seconds
        MlflowTracker(out, "grid").log_parent(RunRecord("grid"))
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert {path.name for path in out.iterdir()} == {"mlflow.db", "tracking"}
