"""``finished.json``: what stood in the folder of a grid that was done, ranked and logged, and what was said then.

While every file it names is as it was, the same command has nothing to do: it says again what it said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lt_bench.ablation.grid_plan import Job
from lt_bench.config import ExperimentConfig, to_dict
from lt_bench.data.checksums import CHECKSUMS_FILE
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.stores.provenance import code_sha256
from lt_bench.files import read_json, sha256_file, sha256_json, write_json
from lt_bench.jobs.folder import CONFIG_FILE, RESULT_FILE
from lt_bench.jobs.job_status import STATUS_FILE

FILE = "finished.json"


@dataclass(frozen=True)
class Finished:
    """A grid with nothing left to do."""

    key: str
    """Of all that decides what the command does; see ``finished_key``."""
    files: dict[str, str]
    """SHA-256 by path below the experiment's folder."""
    document: dict[str, Any]
    """What ``--json`` says."""
    text: str
    """What a terminal is told."""


def finished_key(config: ExperimentConfig, protocol_hash: str) -> str:
    """Hash of the experiment, the checksums of its cache, its protocol and the code; reads no tensor.

    Empty where there is no complete cache, and with plugins, whose code may be anywhere.
    """
    sums = Path(config.data.cache) / CHECKSUMS_FILE
    if not sums.exists() or config.model.plugins:
        return ""
    return sha256_json([to_dict(config), sha256_file(sums), protocol_hash, code_sha256()])


def write_finished(
    out: Path, key: str, jobs: Sequence[Job], more: Iterable[Path], document: dict[str, Any], text: str
) -> None:
    """Note that a grid is finished.

    Args:
        out: folder of the experiment.
        key: from ``finished_key``.
        jobs: all of them done.
        more: files beside those of the jobs that have to stay as they are.
        document: what is said as JSON.
        text: what is said in a terminal.
    """
    files = {_name(out, path): sha256_file(path) for path in [*_files(jobs), *more]}
    write_json(out / FILE, asdict(Finished(key, files, document, text)))


def read_finished(out: Path, key: str, jobs: Sequence[Job]) -> Finished | None:
    """What was noted of this very grid, if no file has changed since; None where there is something to do."""
    try:
        noted = Finished(**read_json(out / FILE))
        same = (
            key != ""
            and noted.key == key
            and {str(path.relative_to(out)) for path in _files(jobs)} <= noted.files.keys()
        )
        return noted if same and all(sha256_file(out / name) == sha for name, sha in noted.files.items()) else None
    except (LtBenchError, OSError, TypeError, AttributeError):
        return None  # absent or damaged: what is done is found out cell by cell, and nothing is lost


def _files(jobs: Sequence[Job]) -> list[Path]:
    return [job.folder / name for job in jobs for name in (CONFIG_FILE, STATUS_FILE, RESULT_FILE)]


def _name(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()
