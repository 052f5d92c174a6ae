"""``finished.json``: the files of a finished grid, and the report that was printed.

While every file in it is unchanged, the same command has nothing to do and prints the stored report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lt_bench.ablation.grid_plan import Job
from lt_bench.config import ExperimentConfig, to_dict
from lt_bench.conventions import CONFIG_FILE, RESULT_FILE, STATUS_FILE
from lt_bench.data.checksums import CHECKSUMS_FILE
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.stores.provenance import code_sha256
from lt_bench.files import read_json, sha256_file, sha256_json, write_json

FILE = "finished.json"


@dataclass(frozen=True)
class Finished:
    """A finished grid."""

    key: str
    """Hash of everything that decides what the command does; see ``finished_key``."""
    files: dict[str, str]
    """SHA-256 of each file, by its path below the experiment's folder."""
    document: dict[str, Any]
    """Output of ``--json``."""
    text: str
    """Output on a terminal."""


def finished_key(config: ExperimentConfig, protocol_hash: str) -> str:
    """Hash the experiment, the checksums of its cache, its protocol and the code, without reading a tensor.

    The result is empty without a complete cache, and with plugins, whose code may be anywhere.
    """
    sums = Path(config.data.cache) / CHECKSUMS_FILE
    if not sums.exists() or config.model.plugins:
        return ""
    return sha256_json([to_dict(config), sha256_file(sums), protocol_hash, code_sha256()])


def write_finished(
    out: Path, key: str, jobs: Sequence[Job], more: Iterable[Path], document: dict[str, Any], text: str
) -> None:
    """Record that a grid is finished.

    Args:
        out: folder of the experiment.
        key: result of ``finished_key``.
        jobs: the grid's jobs, all of them done.
        more: files, in addition to those of the jobs, that must stay unchanged.
        document: output as JSON.
        text: output on a terminal.
    """
    files = {_name(out, path): sha256_file(path) for path in [*_files(jobs), *more]}
    write_json(out / FILE, asdict(Finished(key, files, document, text)))


def read_finished(out: Path, key: str, jobs: Sequence[Job]) -> Finished | None:
    """Return the record of this very grid if no file has changed since; None if there may be work to do."""
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
