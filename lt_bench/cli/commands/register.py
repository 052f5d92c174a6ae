"""Register a trained model in MLflow's model registry, with its configuration, hashes and run.

If train, ablate or search logged the run, the model becomes a version of that run; otherwise a run is created for it. A
file is registered only once, however often the command is run.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json
from lt_bench.conventions import MODEL_FILE

if TYPE_CHECKING:
    from lt_bench.models.checkpoint import ModelCard
    from lt_bench.tracking.record import RunRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("model", type=Path, help="a model file, or the folder of its run")
    parser.add_argument("--name", required=True, help="name of the registered model")
    parser.add_argument("--alias", default="", help="alias to move to this version, such as champion")
    parser.add_argument(
        "--tracking", default="", metavar="URI", help="MLflow server (default: where the model's run was logged)"
    )
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Register the model and report."""
    from lt_bench.files import sha256_file
    from lt_bench.models.checkpoint import read_card
    from lt_bench.tracking.mlflow_tracker import MlflowTracker
    from lt_bench.tracking.registry import find_run, register_model

    model = arguments.model / MODEL_FILE if arguments.model.is_dir() else arguments.model
    card, sha256 = read_card(model), sha256_file(model)
    found = find_run(model)
    out, state = found if found else (model.resolve().parent, None)
    same_server = state is not None and arguments.tracking in ("", state.uri)
    uri = arguments.tracking or (state.uri if state else "")
    tracker = MlflowTracker(out, "registered models", uri)
    run_id = state.run_id if state and same_server else ""
    record = _record(card, model, sha256)
    made = register_model(tracker, arguments.name, model, sha256, record, run_id, arguments.alias)
    report = {
        "name": made.name,
        "version": made.version,
        "alias": arguments.alias or None,
        "run_id": made.run_id,
        "created": made.created,
        "sha256": sha256,
        "model": str(model),
        "tracking": tracker.address,
    }
    if arguments.json:
        print_json(report)
    else:
        print(
            f"{made.name} version {made.version}{'' if made.created else ' (registered before)'} at {tracker.address}"
        )
    return 0


def _record(card: ModelCard, model: Path, sha256: str) -> RunRecord:
    from lt_bench.config import to_dict
    from lt_bench.jobs.folder import flat_config
    from lt_bench.tracking.record import DatasetRef, RunRecord

    data = card.config.data
    facts = {"parameters": card.parameters, "steps": card.steps, "seconds": card.seconds}
    return RunRecord(
        f"model {sha256[:12]}",
        {key: str(value) for key, value in flat_config(to_dict(card.config)).items()},
        {"checkpoint": str(model.resolve()), "checkpoint_sha256": sha256, "cache_hash": card.cache_hash},
        scores={key: float(value) for key, value in facts.items()},
        datasets=(DatasetRef(card.dataset, card.cache_hash, data.cache, "training"),),
    )
