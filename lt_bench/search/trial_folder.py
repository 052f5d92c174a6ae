"""The folder of a trial: prepared for its worker, and read while it trains."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from lt_bench.config import RunConfig, to_dict, to_yaml
from lt_bench.conventions import CONFIG_FILE, MODEL_FILE, RESULT_FILE, STATUS_FILE
from lt_bench.files import write_bytes, write_json, write_text
from lt_bench.jobs.folder import check_folder, link_file
from lt_bench.jobs.job_status import read_status


def prepare_folder(folder: Path, config: RunConfig, checkpoint: Path | None) -> None:
    """Prepare a trial's folder for its worker, keeping the files of an earlier attempt.

    Raises:
        LtBenchError: the folder was created with another configuration.
    """
    check_folder(folder, config)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG_FILE, to_yaml(config))
    if checkpoint is not None:
        link_file(folder, checkpoint, MODEL_FILE)
    # The status of an earlier attempt must not be taken for this one's.
    write_json(folder / STATUS_FILE, to_dict(replace(read_status(folder), state="pending", reason="", eta=None)))


def lend_result(lender: Path, folder: Path) -> bool:
    """Copy a complete trial's result and status to an equal trial's folder; return False if they do not exist here."""
    if not (lender / RESULT_FILE).is_file() or read_status(lender).state != "done":
        return False
    write_bytes(folder / RESULT_FILE, (lender / RESULT_FILE).read_bytes())
    write_json(folder / STATUS_FILE, to_dict(read_status(lender)))
    return True


def validation_losses(path: Path) -> list[tuple[int, float]]:
    """Return steps and validation losses of a run's curve so far."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("validation_loss")]
    return [(int(row["step"]), float(row["validation_loss"])) for row in rows]
