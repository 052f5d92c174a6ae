"""What is to be prepared: a source lists jobs, and each job is one clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_prep.synthetic.dataset import SyntheticClipSpec
from lt_bench.data.format import Role, Split

RULES = 1
"""Version of the preparation's rules (crop, portrait, alignment); part of a cache's source hash."""


@dataclass(frozen=True)
class VideoJob:
    """A real video with sound."""

    id: str
    identity: str
    split: Split
    role: Role
    path: Path
    source: str
    """The name that the index keeps, free of folders of this machine."""


@dataclass(frozen=True)
class SyntheticJob:
    """A clip to render."""

    spec: SyntheticClipSpec

    @property
    def id(self) -> str:
        """The clip's id."""
        return self.spec.id

    @property
    def split(self) -> Split:
        """The clip's split."""
        return self.spec.split

    @property
    def source(self) -> str:
        """Seeds of the clip, for the index."""
        return f"synthetic speaker {self.spec.speaker} take {self.spec.take}"


Job = VideoJob | SyntheticJob


@dataclass(frozen=True)
class Source:
    """A data set as a list of jobs."""

    dataset: str
    jobs: tuple[Job, ...]
    hash: str
    """SHA-256 over the list of sources and ``RULES``."""
    exported: tuple[Split, ...]
    """Splits whose real videos are exported for evaluation."""
