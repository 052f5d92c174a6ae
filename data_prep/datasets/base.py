"""Base classes of data sets: what a data set lists, and what it downloads."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import FILMED_RULES, Source, VideoJob
from data_prep.outcome import Rejected
from lt_bench.config import DataConfig
from lt_bench.conventions import HELD_OUT, Split
from lt_bench.errors import ConfigError
from lt_bench.files import sha256_json

Progress = Callable[[int, int], None]
"""Called with the units done and the units in all."""


@dataclass(frozen=True)
class Wanted:
    """A file to download."""

    name: str
    """Its name in the folder of videos, without suffix."""
    url: str
    height: int = 1080
    """Lines of the picture, at most."""
    bytes: int | None = None
    """Size, perhaps rounded; None where the list does not tell it."""


@dataclass(frozen=True)
class Unused:
    """An entry of a folder of videos that no clip of the list is taken from."""

    name: str
    """Its printable path in the folder."""
    rule: str
    """A name of ``stages.REJECTION_RULES``."""
    reason: str


class DataSet(ABC):
    """A data set as a configuration describes it.

    Args:
        config: names the data set and its keys.
    """

    rendered: ClassVar[bool] = False
    """Whether its clips are rendered with exact truth; else they are videos that go through every stage."""

    by_speaker: ClassVar[bool] = False
    """Whether ``speakers`` and ``clips_per_speaker`` choose of its clips."""

    def __init__(self, config: DataConfig) -> None:
        if not self.by_speaker and (config.speakers or config.clips_per_speaker):
            key = "speakers" if config.speakers else "clips_per_speaker"
            raise ConfigError(f"{key}: expected a data set of numbered speakers, got {config.dataset}")
        self.config = config

    @abstractmethod
    def jobs(self) -> Source:
        """List the clips to prepare, and those that cannot be prepared with the reason.

        Raises:
            LtBenchError: a key does not fit, or a list or folder cannot be read.
        """


class DownloadedDataSet(DataSet):
    """A data set whose videos come from addresses of its list."""

    terms: ClassVar[str]
    """Licence and terms, shown before anything is downloaded."""
    unit: ClassVar[str] = "videos"
    """What ``download`` counts in its progress."""

    @property
    def video_folder(self) -> Path:
        """The folder of the videos."""
        config = self.config
        return Path(config.videos) if config.videos else Path(config.cache).parent / f"{config.dataset}-videos"

    @abstractmethod
    def wanted_videos(self) -> list[Wanted]:
        """List every file of the configured clips, once.

        Raises:
            LtBenchError: the list is missing or damaged.
        """

    @abstractmethod
    def is_here(self, wanted: Wanted) -> bool:
        """Whether a file of ``wanted_videos`` is in the folder."""

    @abstractmethod
    def unfetched(self) -> list[tuple[float, Split]]:
        """List length in seconds and split of every configured clip whose video is not here.

        Raises:
            LtBenchError: the list is missing or damaged.
        """

    @abstractmethod
    def download(self, progress: Progress | None = None) -> dict[str, str]:
        """Download the wanted files that are not here.

        Returns:
            The reason of each file that could not be downloaded, by its name.

        Raises:
            LtBenchError: nothing can be downloaded, or the folder cannot be written to.
        """


def list_with_sizes(
    dataset: str,
    jobs: Sequence[VideoJob],
    missing: Sequence[Rejected],
    exported: tuple[Split, ...] = HELD_OUT,
    unused: Sequence[Unused] = (),
) -> Source:
    """Make a source whose hash covers everything about its jobs but the folder: files count by their size.

    Args:
        dataset: name of the data set.
        jobs: clips to prepare.
        missing: clips that cannot be prepared.
        exported: splits whose real videos are exported; nothing is scored on a large train split.
        unused: entries of the folder that no clip is taken from; they are listed with the rejected clips.
    """
    taken = [clip.id for clip in (*jobs, *missing)]
    ids = unique_ids([*taken, *(entry.name for entry in unused)])[len(taken) :]
    others = [Rejected(name, one.name, one.reason, one.rule) for name, one in zip(ids, unused, strict=True)]
    jobs = with_galleries(jobs)
    listed = [{**dataclasses.asdict(job), "path": job.path.stat().st_size} for job in jobs]
    missing = sorted(missing, key=lambda clip: clip.rule != "unavailable")
    return Source(dataset, tuple(jobs), sha256_json([FILMED_RULES, listed]), exported, (*missing, *others))


def with_galleries(jobs: Sequence[VideoJob]) -> list[VideoJob]:
    """In the held-out splits, make the last of an identity's several jobs its gallery."""
    left = Counter(job.identity for job in jobs)
    several = {identity for identity, count in left.items() if count > 1}
    result = []
    for job in jobs:
        left[job.identity] -= 1
        last = job.split != "train" and job.identity in several and not left[job.identity]
        result.append(dataclasses.replace(job, role="gallery" if last else "clip"))
    return result
