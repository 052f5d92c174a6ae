"""What a tracker remembers of each run, so that nothing is sent twice and nothing is left out."""

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
"""Beside the runs; a file each."""


@dataclass(frozen=True)
class RunState:
    """One run on one server."""

    uri: str
    """Of the server; empty for the sqlite file beside the runs."""
    key: str
    """A random name, a tag of the run: one whose creation was answered too late is found again by it."""
    run_id: str = ""
    """Empty before the run is known to exist."""
    started: int = 0
    """Milliseconds of Unix time."""
    sent: dict[str, int] = field(default_factory=dict)
    """The last step of each curve that the server has taken."""
    fingerprint: str = ""
    """Of the record that the server has all of."""
    folder: str = ""
    """Of the run, relative to the experiment's folder."""


def new_state(uri: str, key: str = "") -> RunState:
    """Of a run that does not exist yet."""
    return RunState(uri, key or uuid.uuid4().hex)


def state_path(out: Path, name: str) -> Path:
    """The file of a run's state; the parent run's name is empty."""
    return out / FOLDER / f"{quote(name, safe='') or '_parent'}.json"


def read_state(out: Path, name: str) -> RunState | None:
    """The state of a run; None where there is none.

    Raises:
        LtBenchError: the file is damaged.
    """
    path = state_path(out, name)
    return _read(path) if path.exists() else None


def read_states(out: Path) -> list[RunState]:
    """The states of all runs of an experiment's folder."""
    return [_read(path) for path in _paths(out)]


def forget_runs(out: Path) -> None:
    """Of runs that a server no longer has, keep the keys alone: each is looked for by it, and else made anew."""
    for path in _paths(out):
        state = _read(path)
        write_json(path, to_dict(new_state(state.uri, state.key)))


def write_state(out: Path, name: str, state: RunState) -> None:
    """Remember."""
    write_json(state_path(out, name), to_dict(state))


@contextmanager
def one_at_a_time(out: Path) -> Iterator[None]:
    """Keep other processes from creating runs in this folder at the same moment."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    with (out / FOLDER / ".lock").open("a") as stream:
        lock(stream.fileno(), out / FOLDER, wait=True)
        yield


def _paths(out: Path) -> list[Path]:
    return sorted((out / FOLDER).glob("*.json"))


def _read(path: Path) -> RunState:
    return parse_config(RunState, read_json(path), str(path))
