"""What a command left, without what differs between two undisturbed runs: times, memory, and names of processes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from lt_bench.files import sha256_file

LEFT_OUT_FILES = {
    ".lock": "who holds the folder",
    ".alive": "signs of life",
    "log.txt": "dates, durations, and what each interrupted run said",
    "system.csv": "the machine's load, by time of day",
    "mlflow.db": "random run ids, dates; what was logged is in the files compared here",
    "mlartifacts": "under random run ids, copies of files compared here",
    "tracking": "MLflow's random run ids",
    "finished.json": "hashes of files with durations",
    "last.ckpt": "training seconds; its weights are those of the model file",
    "study.journal": "dates and further attempts; its trials are in trials.csv",
    "study.journal.alive": "signs of life",
    "study.journal.flock": "who writes",
    ".prepare": "a lock",
    "index.html": "the leaderboard's page: durations; its numbers are in leaderboard.csv",
    "report.html": "the cache's page: how long each stage took",
    "leaderboard.md": "training seconds; its numbers are in leaderboard.csv",
    "leaderboard.tex": "as leaderboard.md",
    "timeline.png": "dates",
}
LEFT_OUT_KEYS = {
    "seconds": "durations",
    "updated": "a date",
    "train_seconds": "a duration",
    "generate_seconds": "a duration",
    "score_seconds": "a duration",
    "training_seconds": "a duration",
    "seconds_per_clip": "a duration",
    "seconds_per_video_second": "a duration",
    "model_sha256": "of a file with durations in its header; its weights are compared",
    "peak_memory": "of the process that ended the work",
    "git_commit": "None while git is busy",
    "failures": "earlier attempts",
    "host": "of the last attempt",
    "eta": "seconds left",
}
"""Keys of JSON documents and columns of CSV files."""


SHARED = ("store", "study.journal")
"""What makes a folder one that others may be writing to: a command must not remove half-written files there."""


def normalised(folder: Path) -> dict[str, Any]:
    """Every file below a folder by its relative name: its content without ``LEFT_OUT_KEYS``, or its hash."""
    found = {}
    shared = any((folder / name).exists() for name in SHARED)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        half = shared and path.name.startswith(".") and ".tmp" in path.name
        if path.is_file() and not half and not any(part in LEFT_OUT_FILES for part in name.parts):
            found[str(name)] = _content(path)
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of the files that differ, each with both contents, shortened."""
    names = sorted(one.keys() | other.keys())
    return [
        f"{name}: {str(one.get(name))[:1500]} != {str(other.get(name))[:1500]}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def _content(path: Path) -> Any:
    if path.suffix == ".json":
        return _stripped(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return [_stripped(row) for row in rows]
    if path.suffix == ".safetensors":
        return _tensors(path)
    return sha256_file(path)


def _tensors(path: Path) -> Any:
    """The tensors' bytes, and the metadata without what is left out."""
    import hashlib

    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return [_stripped(header), hashlib.sha256(data[8 + length :]).hexdigest()]


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(item) for key, item in value.items() if key not in LEFT_OUT_KEYS}
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    if isinstance(value, str) and value.startswith(("{", "[")):  # a document within a document
        try:
            return _stripped(json.loads(value))
        except ValueError:
            return value
    return value
