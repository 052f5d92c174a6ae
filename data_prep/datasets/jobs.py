"""Preparation jobs: a source lists them, and each is a part of a video or a clip to render."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_prep.extraction.crop_methods import Given
from data_prep.outcome import Rejected
from data_prep.synthetic.dataset import SyntheticClipSpec
from lt_bench.conventions import Split
from lt_bench.data.format import Role

RULES = 2
"""Version of the preparation's rules for rendered clips; part of their cache's source hash."""
FILMED_RULES = 4
"""The same for real videos (scenes, tracks, crop, portrait, alignment)."""


@dataclass(frozen=True)
class VideoJob:
    """A part of a real video with sound; every scene of it becomes a clip."""

    id: str
    identity: str
    split: Split
    role: Role
    path: Path
    source: str
    """The name that the index keeps, free of folders of this machine."""
    start: float = 0.0
    """Seconds from the first frame."""
    stop: float | None = None
    """Seconds, exclusive; None: to the end."""
    given: Given | None = None
    """The data set's own crop."""
    region: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1 as fractions of the picture: where the data set says that the speaker is."""


@dataclass(frozen=True)
class SyntheticJob:
    """A clip to render."""

    spec: SyntheticClipSpec

    @property
    def id(self) -> str:
        """The clip's id."""
        return self.spec.id

    @property
    def identity(self) -> str:
        """The speaker."""
        return self.spec.identity

    @property
    def split(self) -> Split:
        """The clip's split."""
        return self.spec.split

    @property
    def role(self) -> Role:
        """The clip's role."""
        return self.spec.role

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
    """SHA-256 over the list of sources and the rules' version."""
    exported: tuple[Split, ...]
    """Splits whose real videos are exported for evaluation."""
    missing: tuple[Rejected, ...] = ()
    """Clips of the data set's list that cannot become jobs, each with its reason."""


def scene_id(job: str, number: int, scenes: int) -> str:
    """The id of a job's clip: the job's own where it is the only one."""
    return job if scenes == 1 else f"{job}.s{number}"
