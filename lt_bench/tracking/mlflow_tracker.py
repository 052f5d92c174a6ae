"""MLflow: one parent run an experiment, a nested child a run; written again, nothing is doubled."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lt_bench.errors import LtBenchError
from lt_bench.files import read_json, write_json
from lt_bench.tracking.record import Point, RunRecord

T = TypeVar("T")
STATE_FILE = "tracking.json"
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
PARENT = ""
"""Name of the parent run in the state file; no cell is called so."""
VALUE_LENGTH = 500
"""Longest value of a parameter or tag, in characters, that every MLflow server takes."""
# Defaults of a library that would wait for minutes on a server that is down.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


class MlflowTracker:
    """Logs an experiment's runs; ``tracking.json`` in its folder remembers which run is whose.

    The library is imported when something new is to be logged, which takes seconds.
    """

    def __init__(self, out: Path, experiment: str, uri: str = "") -> None:
        """Args: the experiment's folder, its name, and a server's URI, or nothing for an sqlite file in the folder."""
        self.out, self.experiment, self.uri = out, experiment, uri
        self._client: Any = None
        self._state: dict[str, Any] = self._read_state()

    @property
    def address(self) -> str:
        """The tracking URI; ``mlflow ui --backend-store-uri`` takes it."""
        return self.uri or f"sqlite:///{(self.out / DATABASE).resolve()}"

    def log_parent(self, record: RunRecord) -> None:
        """Create or update the parent run."""
        self._log(PARENT, record, {})

    def log_child(self, record: RunRecord) -> None:
        """Create or update the child run of ``record.name``; does nothing when it is logged as it is."""
        if self._is_logged(record.name, record):
            return
        self._connect()
        if PARENT not in self._state["runs"]:
            self.log_parent(RunRecord(self.experiment, running=True))
        self._log(record.name, record, {"mlflow.parentRunId": self._state["runs"][PARENT]["id"]})

    def _is_logged(self, name: str, record: RunRecord) -> bool:
        known = self._state.get("runs", {}).get(name)
        return known is not None and known["fingerprint"] == record.fingerprint

    def _log(self, name: str, record: RunRecord, tags: Mapping[str, str]) -> None:
        if self._is_logged(name, record):
            return
        self._connect()
        known = self._state["runs"].get(name) or self._create(name, record, tags)
        self._write(known["id"], known["started"], record)
        if record.running:
            self._client.update_run(known["id"], status="RUNNING")
        else:
            self._client.set_terminated(known["id"], "FAILED" if record.failed else "FINISHED")
        self._remember(name, {**known, "fingerprint": record.fingerprint})

    def _create(self, name: str, record: RunRecord, tags: Mapping[str, str]) -> dict[str, Any]:
        started = int(time.time() * 1000)
        run = self._client.create_run(
            self._state["experiment_id"], start_time=started, tags={**tags}, run_name=record.name
        )
        # Remembered before anything is logged: a command that dies in between goes on in the same run.
        return self._remember(name, {"id": run.info.run_id, "started": started, "fingerprint": ""})

    def _write(self, run_id: str, started: int, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param, RunTag

        there = self._client.get_run(run_id).data.params
        params = [Param(key, value[:VALUE_LENGTH]) for key, value in record.params.items() if key not in there]
        tags = [RunTag(key, value[:VALUE_LENGTH]) for key, value in record.tags.items()]
        # A parameter cannot be changed; what a later call of the command changed (seeds added, say) is a tag.
        for key, value in record.params.items():
            if there.get(key, value[:VALUE_LENGTH]) != value[:VALUE_LENGTH]:
                tags.append(RunTag(f"now.{key}", value[:VALUE_LENGTH]))
        if record.failed:
            tags.append(RunTag("failed", record.failed[:VALUE_LENGTH]))
        # Times follow from the step, so that a curve written twice is the same points twice, which MLflow keeps once.
        last = max((p.step for p in record.curves), default=0)
        points = [*record.curves, *(Point(key, last, value) for key, value in record.scores.items())]
        metrics = [Metric(p.key, p.value, started + p.step, p.step) for p in points if math.isfinite(p.value)]
        for some in _chunks(params, 100):
            self._client.log_batch(run_id, params=some)
        for some in _chunks(metrics, 500):
            self._client.log_batch(run_id, metrics=some)
        for some in _chunks(tags, 100):
            self._client.log_batch(run_id, tags=some)
        for artifact in record.artifacts:
            self._client.log_artifact(run_id, str(artifact.path), artifact.folder or None)

    def _connect(self) -> None:
        if self._client is not None:
            return
        for key, value in PATIENCE.items():
            os.environ.setdefault(key, value)
        for name in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(name).setLevel(logging.WARNING)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.address)
        if "experiment_id" not in self._state:
            self._state = {"uri": self.uri, "experiment_id": self._experiment_id(client), "runs": {}}
        self._client = client

    def _experiment_id(self, client: Any) -> str:
        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return found.experiment_id
        # A server decides itself where artifacts go; the file beside it has them beside it.
        place = None if self.uri else (self.out / ARTIFACTS).resolve().as_uri()
        return client.create_experiment(self.experiment, artifact_location=place)

    def _read_state(self) -> dict[str, Any]:
        path = self.out / STATE_FILE
        if not path.exists():
            return {}
        state = read_json(path)
        if not isinstance(state, dict) or not isinstance(state.get("runs"), dict):
            raise LtBenchError(f"{path}: expected the runs of an experiment, got something else")
        # Runs of another server, or of a database that was removed, are no use here.
        here = self.uri == state.get("uri") and (bool(self.uri) or (self.out / DATABASE).exists())
        return state if here else {}

    def _remember(self, name: str, run: dict[str, Any]) -> dict[str, Any]:
        self._state["runs"][name] = run
        write_json(self.out / STATE_FILE, self._state)
        return run


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
