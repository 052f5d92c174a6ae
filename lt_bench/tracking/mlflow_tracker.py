"""MLflow tracker with one parent run per experiment and one nested child per run; logging is idempotent.

Lightning's ``MLFlowLogger`` is not used, because it falls back to a folder of files, and a failing server stops
training.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lt_bench.files import atomic_path
from lt_bench.tracking.record import DatasetRef, Point, RunRecord
from lt_bench.tracking.state import RunState, forget_runs, new_state, one_at_a_time, read_state, write_state

T = TypeVar("T")
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
PARENT = ""
"""Name of the parent run's state; no child has this name."""
KEY_TAG = "lt_bench.key"
VALUE_LENGTH = 500
"""Longest value of a parameter or tag, in characters, that every MLflow server accepts."""
DIGEST_LENGTH = 36
"""Longest digest of a data set that MLflow accepts; the complete hash is in its profile."""
# The library's defaults would wait for minutes on an unreachable server; failed calls are retried later anyway.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


def sqlite_url(path: Path) -> str:
    """Return the URL of a database file; any character in the path is allowed."""
    from sqlalchemy import URL

    place = str(path.resolve())
    plain = URL.create("sqlite", database=place).render_as_string()
    # MLflow creates the folder of a "sqlite:///" URL without decoding it; with a named driver it creates none.
    return plain if plain == f"sqlite:///{place}" else URL.create("sqlite+pysqlite", database=place).render_as_string()


class MlflowTracker:
    """Logs the runs of an experiment; files in ``out/tracking`` map runs to MLflow and record the values sent.

    The library is imported when there is something to log, because the import takes seconds.
    """

    def __init__(self, out: Path, experiment: str, uri: str = "", parent_key: str = "") -> None:
        """Set up the tracker without connecting.

        Args:
            out: folder of the experiment.
            experiment: name of the experiment.
            uri: URI of a server; empty for an SQLite file in the folder.
            parent_key: unique name of the experiment, for commands that share a parent run but no folder.
        """
        self.out, self.experiment, self.uri, self.parent_key = out, experiment, uri, parent_key
        self._client: Any = None

    @property
    def address(self) -> str:
        """Return the tracking URI, as ``mlflow ui --backend-store-uri`` accepts it."""
        return self.uri or sqlite_url(self.out / DATABASE)

    def log_parent(self, record: RunRecord) -> None:
        """Create or update the parent run."""
        self._log(PARENT, record, {})

    def log_child(self, record: RunRecord) -> None:
        """Create or update the child run of ``record.name``; do nothing if the record is already logged."""
        if self._is_logged(record.name, record):
            return
        parent = self._state(PARENT)
        if parent is None or not parent.run_id:
            self.log_parent(RunRecord(self.experiment, running=True))
            parent = self._state(PARENT)
        assert parent is not None
        self._log(record.name, record, {"mlflow.parentRunId": parent.run_id})

    def log_single(self, record: RunRecord) -> str:
        """Create or update a run without a parent, and return its id."""
        self._log(record.name, record, {})
        state = self._state(record.name)
        assert state is not None, "it was just logged"
        return state.run_id

    def connect(self) -> Any:
        """Return a client of the library."""
        if self._client is None:
            for key, value in PATIENCE.items():
                os.environ.setdefault(key, value)
            for name in ("alembic", "mlflow.store.db.utils"):
                logging.getLogger(name).setLevel(logging.WARNING)
            from mlflow import MlflowClient

            with one_at_a_time(self.out):
                if not self.uri and not (self.out / DATABASE).exists():
                    forget_runs(self.out)
                    self._make_database()
                self._client = MlflowClient(tracking_uri=self.address)
        return self._client

    def _make_database(self) -> None:
        """Create a new database atomically, because a kill during its many statements would leave it broken."""
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with atomic_path(self.out / DATABASE) as temporary:
            place = (self.out / ARTIFACTS).resolve().as_uri()
            SqlAlchemyStore(sqlite_url(temporary), place).engine.dispose()

    def _state(self, name: str) -> RunState | None:
        state = read_state(self.out, name)
        # States of another server, or of a removed database, are ignored.
        here = state is not None and state.uri == self.uri and (bool(self.uri) or (self.out / DATABASE).exists())
        return state if here else None

    def _is_logged(self, name: str, record: RunRecord) -> bool:
        state = self._state(name)
        return state is not None and bool(state.run_id) and state.fingerprint == record.fingerprint

    def _log(self, name: str, record: RunRecord, tags: Mapping[str, str]) -> None:
        if self._is_logged(name, record):
            return
        client, state = self.connect(), self._state(name) or new_state(self.uri)
        there = _params(client, state.run_id) if state.run_id else None
        if there is None:
            if state.run_id and name == PARENT:
                with one_at_a_time(self.out):
                    forget_runs(self.out)  # its children may be gone with it
            state = self._create(name, record, new_state(state.uri, state.key), tags)
            there = _params(client, state.run_id) or {}
        _write(client, state.run_id, record, there)
        state = self._send_points(name, state, record)
        if record.running:
            client.update_run(state.run_id, status="RUNNING")
        else:
            client.set_terminated(state.run_id, "FAILED" if record.failed else "FINISHED")
        write_state(self.out, name, dataclasses.replace(state, fingerprint=record.fingerprint))

    def _create(self, name: str, record: RunRecord, state: RunState, tags: Mapping[str, str]) -> RunState:
        client, key = self.connect(), self.parent_key if name == PARENT and self.parent_key else state.key
        with one_at_a_time(self.out):
            # The state is saved before the run is created, so that the run is found again after a failure in between.
            state = dataclasses.replace(state, key=key)
            write_state(self.out, name, state)
            experiment = self._experiment_id(client)
            found = client.search_runs([experiment], filter_string=f"tags.`{KEY_TAG}` = '{key}'")
            if found:
                run = min(found, key=lambda run: (run.info.start_time, run.info.run_id))
                for tag, value in tags.items():
                    client.set_tag(run.info.run_id, tag, value)
            else:
                all_tags = {**tags, KEY_TAG: key}
                now = int(time.time() * 1000)
                run = client.create_run(experiment, start_time=now, tags=all_tags, run_name=record.name)
            folder = os.path.relpath(record.folder, self.out) if record.folder else ""
            state = dataclasses.replace(state, run_id=run.info.run_id, started=run.info.start_time, folder=folder)
            write_state(self.out, name, state)
        return state

    def _send_points(self, name: str, state: RunState, record: RunRecord) -> RunState:
        from mlflow.entities import Metric

        last = max((p.step for p in record.curves), default=0)
        after = max((p.after for p in record.curves), default=0.0)
        new = [p for p in record.curves if p.step > state.sent.get(p.key, -1)]
        points = [*new, *(Point(key, last, value, after) for key, value in record.scores.items())]
        finite = [p for p in points if math.isfinite(p.value)]
        for some in _chunks(finite, 500):
            # Timestamps follow from the points, so a point that is sent twice (after a lost answer) is stored once.
            metrics = [Metric(p.key, p.value, state.started + round(p.after * 1000), p.step) for p in some]
            self.connect().log_batch(state.run_id, metrics=metrics)
            sent = {p.key: p.step for p in some if p.key not in record.scores}
            state = dataclasses.replace(state, sent={**state.sent, **sent})
            write_state(self.out, name, state)
        return state

    def _experiment_id(self, client: Any) -> str:
        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return found.experiment_id
        # A server chooses the artifact location; for the SQLite file, artifacts are stored next to it.
        place = None if self.uri else (self.out / ARTIFACTS).resolve().as_uri()
        return client.create_experiment(self.experiment, artifact_location=place)


def _params(client: Any, run_id: str) -> dict[str, str] | None:
    """Return the parameters of a run, or None if the server does not have it (lost or deleted)."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return run.data.params if run.info.lifecycle_stage == "active" else None


def _write(client: Any, run_id: str, record: RunRecord, there: Mapping[str, str]) -> None:
    """Write the parameters, tags, data and files of a run whose existing parameters are ``there``."""
    from mlflow.entities import Param, RunTag

    params = [Param(key, value[:VALUE_LENGTH]) for key, value in record.params.items() if key not in there]
    tags = [RunTag(key, value[:VALUE_LENGTH]) for key, value in record.tags.items()]
    # A parameter cannot be changed; values that a later command changed (added seeds, for example) become tags.
    for key, value in record.params.items():
        if there.get(key, value[:VALUE_LENGTH]) != value[:VALUE_LENGTH]:
            tags.append(RunTag(f"now.{key}", value[:VALUE_LENGTH]))
    if record.failed:
        tags.append(RunTag("failed", record.failed[:VALUE_LENGTH]))
    for some in _chunks(params, 100):
        client.log_batch(run_id, params=some)
    for some in _chunks(tags, 100):
        client.log_batch(run_id, tags=some)
    if record.datasets:
        client.log_inputs(run_id, datasets=[_dataset(data) for data in record.datasets])
    for artifact in record.artifacts:
        client.log_artifact(run_id, str(artifact.path), artifact.folder or None)


def _dataset(data: DatasetRef) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=data.name,
        digest=data.sha256[:DIGEST_LENGTH],
        source_type="local",  # as mlflow.data names it; mlflow.data.get_source reads it back
        source=json.dumps({"uri": data.place}),
        profile=json.dumps({"sha256": data.sha256}),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", data.context)])


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
