"""What is logged of a run, in plain types: a tracker needs to know no more of the project."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.files import sha256_json


@dataclass(frozen=True)
class Point:
    """One value of a curve."""

    key: str
    step: int
    value: float
    after: float = 0.0
    """Seconds since the run began."""


@dataclass(frozen=True)
class Artifact:
    """A file to keep with a run."""

    path: Path
    folder: str = ""
    """Where it is put among the run's artifacts."""


@dataclass(frozen=True)
class DatasetRef:
    """Data that a run used; logged by name and hash, never copied."""

    name: str
    sha256: str
    place: str
    """Path or URL."""
    context: str
    """What for, such as ``training``."""


@dataclass(frozen=True)
class RunRecord:
    """A run that has finished, failed or begun."""

    name: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    curves: tuple[Point, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    datasets: tuple[DatasetRef, ...] = ()
    failed: str = ""
    """Why it failed; empty when it did not."""
    running: bool = False
    """More is to come."""
    revision: str = ""
    """Changes with the content of the artifacts, where that can change while their names do not."""
    folder: Path | None = None
    """Of the run, where it has one."""

    @property
    def fingerprint(self) -> str:
        """The same for the same content; a run is logged again only when it changes."""
        points = [[p.key, p.step, p.value] for p in self.curves]
        files = [[str(a.path.name), a.folder] for a in self.artifacts]
        data = [[d.name, d.sha256, d.context] for d in self.datasets]
        return sha256_json(
            [self.params, self.tags, points, self.scores, files, data, self.failed, self.running, self.revision]
        )
