"""MLflow model registry; a model file becomes one version of a named model, even if it is registered twice."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.errors import LtBenchError
from lt_bench.tracking.mlflow_tracker import MlflowTracker
from lt_bench.tracking.record import RunRecord
from lt_bench.tracking.state import FOLDER, RunState, read_states

ARTIFACT = "model"
FLAVOUR = "lt_bench"
HASH_TAG = "sha256"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model."""

    name: str
    version: str
    run_id: str
    created: bool
    """False if the same file was registered before."""


def find_run(model: Path) -> tuple[Path, RunState] | None:
    """Find the experiment folder and the logged run that produced a model file; None if no tracker knows it."""
    folder = model.resolve().parent
    for out in (folder, *folder.parents):
        if (out / FOLDER).is_dir():
            for state in read_states(out):
                if state.run_id and state.folder and (out / state.folder).resolve() == folder:
                    return out, state
    return None


def register_model(
    tracker: MlflowTracker, name: str, model: Path, sha256: str, record: RunRecord, run_id: str, alias: str = ""
) -> RegisteredVersion:
    """Upload a model file as an artifact of its run and make it a version of ``name``.

    Args:
        tracker: tracker to register with.
        name: name of the registered model.
        model: model file.
        sha256: hash of the file; an existing version with this hash is reused.
        record: record to log as the run of a model that no tracker knows.
        run_id: id of the run that produced the model; empty to create a run from ``record``.
        alias: alias to move to this version, such as ``champion``.

    Raises:
        LtBenchError: the server refused.
    """
    from mlflow.exceptions import MlflowException

    try:
        client = tracker.connect()
        known = _known(client, name, sha256)
        made = known or _create(client, name, model, sha256, run_id or tracker.log_single(record))
        if alias:
            client.set_registered_model_alias(name, alias, made.version)
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LtBenchError(f"{tracker.address}: expected a server that registers models, got: {reason}") from None
    return RegisteredVersion(name, str(made.version), made.run_id, known is None)


def _known(client: Any, name: str, sha256: str) -> Any:
    versions = client.search_model_versions(f"name = '{name}'")
    return next((version for version in versions if version.tags.get(HASH_TAG) == sha256), None)


def _create(client: Any, name: str, model: Path, sha256: str, run_id: str) -> Any:
    from mlflow.exceptions import RestException
    from mlflow.models import Model

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / ARTIFACT
        folder.mkdir()
        try:
            os.link(model.resolve(), folder / model.name)
        except OSError:  # another file system
            shutil.copyfile(model, folder / model.name)
        described = Model(artifact_path=ARTIFACT, run_id=run_id)
        described.add_flavor(FLAVOUR, file=model.name, sha256=sha256)
        described.save(str(folder / "MLmodel"))
        client.log_artifacts(run_id, str(folder), ARTIFACT)
    if not client.search_registered_models(f"name = '{name}'"):
        try:
            client.create_registered_model(name)
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # by another command, at the same moment
                raise
    source = f"{client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
    return client.create_model_version(name, source, run_id, tags={HASH_TAG: sha256})
