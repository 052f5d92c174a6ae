"""Persistent state of each tracked run, so that every value is sent exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lt_bench.config import parse_config, to_dict
from lt_bench.files import read_json, write_json
from lt_bench.locks import lock

FOLDER = "tracking"
"""Folder next to the runs, with one file per run."""


@dataclass(frozen=True)
class RunState:
    """State of one run on one server."""

    uri: str
    """URI of the server; empty for the SQLite file next to the runs."""
    key: str
    """Random tag of the run, by which a run is found if the answer to its creation was lost."""
    run_id: str = ""
    """Empty until the run is known to exist."""
    started: int = 0
    """Unix time in milliseconds."""
    sent: dict[str, int] = field(default_factory=dict)
    """Last step of each curve that the server has accepted."""
    fingerprint: str = ""
    """Fingerprint of the last record that was logged completely."""
    folder: str = ""
    """Folder of the run, relative to the experiment's folder."""


def new_state(uri: str, key: str = "") -> RunState:
    """Create the state of a run that does not exist yet."""
    return RunState(uri, key or uuid.uuid4().hex)


def state_path(out: Path, name: str) -> Path:
    """Return the path of a run's state; the parent run's name is empty."""
    return out / FOLDER / f"{quote(name, safe='') or '_parent'}.json"


def read_state(out: Path, name: str) -> RunState | None:
    """Read the state of a run; None if there is no state.

    Raises:
        LtBenchError: the file is damaged.
    """
    path = state_path(out, name)
    return _read(path) if path.exists() else None


def read_states(out: Path) -> list[RunState]:
    """Read the states of all runs in an experiment's folder."""
    return [_read(path) for path in _paths(out)]


def forget_runs(out: Path) -> None:
    """Keep only the keys of runs that a server no longer has; each run is looked up by its key, or created again."""
    for path in _paths(out):
        state = _read(path)
        write_json(path, to_dict(new_state(state.uri, state.key)))


def write_state(out: Path, name: str, state: RunState) -> None:
    """Save the state of a run."""
    write_json(state_path(out, name), to_dict(state))


@contextmanager
def one_at_a_time(out: Path) -> Iterator[None]:
    """Prevent other processes from creating runs in this folder at the same time."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    with (out / FOLDER / ".lock").open("a") as stream:
        lock(stream.fileno(), out / FOLDER, wait=True)
        yield


def _paths(out: Path) -> list[Path]:
    return sorted((out / FOLDER).glob("*.json"))


def _read(path: Path) -> RunState:
    return parse_config(RunState, read_json(path), str(path))
