"""Records of runs in plain types, so that a tracker depends on nothing else in the project."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.files import sha256_json


@dataclass(frozen=True)
class Point:
    """One value of a curve at a step."""

    key: str
    step: int
    value: float
    after: float = 0.0
    """Seconds since the start of the run."""


@dataclass(frozen=True)
class Artifact:
    """A file to store with a run."""

    path: Path
    folder: str = ""
    """Folder of the file among the run's artifacts."""


@dataclass(frozen=True)
class DatasetRef:
    """Data that a run used; logged by name and hash, never copied."""

    name: str
    sha256: str
    place: str
    """Path or URL of the data."""
    context: str
    """Purpose of the data, such as ``training``."""


@dataclass(frozen=True)
class RunRecord:
    """State of a run that has started, finished or failed."""

    name: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    curves: tuple[Point, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    datasets: tuple[DatasetRef, ...] = ()
    failed: str = ""
    """Reason of a failure; empty if the run did not fail."""
    running: bool = False
    """Whether the run is still running."""
    revision: str = ""
    """Changes with the content of the artifacts, for artifacts whose content can change under the same name."""
    folder: Path | None = None
    """Folder of the run, if it has one."""

    @property
    def fingerprint(self) -> str:
        """Hash the content of the record; a run is logged again only when the hash changes."""
        points = [[p.key, p.step, p.value] for p in self.curves]
        files = [[str(a.path.name), a.folder] for a in self.artifacts]
        data = [[d.name, d.sha256, d.context] for d in self.datasets]
        return sha256_json(
            [self.params, self.tags, points, self.scores, files, data, self.failed, self.running, self.revision]
        )
