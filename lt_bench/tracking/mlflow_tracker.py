"""MLflow: one parent run an experiment, a nested child a run; written again, nothing is doubled.

Not through Lightning's ``MLFlowLogger``: it falls back to a folder of files, and a server that fails stops training.
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
"""Name of the parent run's state; no run is called so."""
KEY_TAG = "lt_bench.key"
VALUE_LENGTH = 500
"""Longest value of a parameter or tag, in characters, that every MLflow server takes."""
DIGEST_LENGTH = 36
"""Longest digest of a data set that MLflow takes; the whole hash is in its profile."""
# Defaults of a library that would wait for minutes on a server that is down; what fails is tried again later.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


def sqlite_url(path: Path) -> str:
    """The address of a database file, whatever characters its path has."""
    from sqlalchemy import URL

    place = str(path.resolve())
    plain = URL.create("sqlite", database=place).render_as_string()
    # MLflow makes the folder of a "sqlite:///" address without decoding it; with the driver named it makes none.
    return plain if plain == f"sqlite:///{place}" else URL.create("sqlite+pysqlite", database=place).render_as_string()


class MlflowTracker:
    """Logs an experiment's runs; files in ``out/tracking`` remember which run is whose and what the server has of it.

    The library is imported when something new is to be logged, which takes seconds.
    """

    def __init__(self, out: Path, experiment: str, uri: str = "", parent_key: str = "") -> None:
        """Set up; nothing is connected yet.

        Args:
            out: the experiment's folder.
            experiment: its name.
            uri: of a server; empty for an sqlite file in the folder.
            parent_key: a name that no other experiment has, where commands that share no folder share the parent run.
        """
        self.out, self.experiment, self.uri, self.parent_key = out, experiment, uri, parent_key
        self._client: Any = None

    @property
    def address(self) -> str:
        """The tracking URI; ``mlflow ui --backend-store-uri`` takes it."""
        return self.uri or sqlite_url(self.out / DATABASE)

    def log_parent(self, record: RunRecord) -> None:
        """Create or update the parent run."""
        self._log(PARENT, record, {})

    def log_child(self, record: RunRecord) -> None:
        """Create or update the child run of ``record.name``; does nothing when it is logged as it is."""
        if self._is_logged(record.name, record):
            return
        parent = self._state(PARENT)
        if parent is None or not parent.run_id:
            self.log_parent(RunRecord(self.experiment, running=True))
            parent = self._state(PARENT)
        assert parent is not None
        self._log(record.name, record, {"mlflow.parentRunId": parent.run_id})

    def log_single(self, record: RunRecord) -> str:
        """Create or update a run that has no parent; its id."""
        self._log(record.name, record, {})
        state = self._state(record.name)
        assert state is not None, "it was just logged"
        return state.run_id

    def connect(self) -> Any:
        """The library's client."""
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
        """Put a new database in place whole: a kill among the many statements that make it would leave it broken."""
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with atomic_path(self.out / DATABASE) as temporary:
            place = (self.out / ARTIFACTS).resolve().as_uri()
            SqlAlchemyStore(sqlite_url(temporary), place).engine.dispose()

    def _state(self, name: str) -> RunState | None:
        state = read_state(self.out, name)
        # Runs of another server, or of a database that was removed, are no use here.
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
            # Remembered before it is created: whatever happens in between, the run is found again.
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
            # Times follow from the points, so what is sent twice (an answer was lost) is the same, and kept once.
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
        # A server decides itself where artifacts go; the file beside it has them beside it.
        place = None if self.uri else (self.out / ARTIFACTS).resolve().as_uri()
        return client.create_experiment(self.experiment, artifact_location=place)


def _params(client: Any, run_id: str) -> dict[str, str] | None:
    """The parameters of a run; None where the server has lost it or somebody has deleted it."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return run.data.params if run.info.lifecycle_stage == "active" else None


def _write(client: Any, run_id: str, record: RunRecord, there: Mapping[str, str]) -> None:
    """Parameters, tags, data and files of a run whose parameters are ``there``."""
    from mlflow.entities import Param, RunTag

    params = [Param(key, value[:VALUE_LENGTH]) for key, value in record.params.items() if key not in there]
    tags = [RunTag(key, value[:VALUE_LENGTH]) for key, value in record.tags.items()]
    # A parameter cannot be changed; what a later call of the command changed (seeds added, say) is a tag.
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
