"""CREMA-D (Cao et al. 2014): 7,442 clips of 91 actors who speak twelve sentences in six emotions.

The repository keeps its videos in Git LFS, whose pointers state SHA-256 and size of each; ``published`` holds them as a
table.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from data_prep.datasets.base import Progress, Wanted, list_with_sizes
from data_prep.datasets.http_downloads import (
    RemoteFile,
    check_space,
    download_all,
    download_lock,
    http_session,
    remaining,
)
from data_prep.datasets.jobs import Source, VideoJob
from data_prep.datasets.progress import byte_progress
from data_prep.datasets.published_splits import FOLDER, published
from data_prep.datasets.speakers import SpeakerDataSet
from data_prep.outcome import Rejected
from lt_bench.conventions import Split

COMMIT = "1658cd342dff90010aa843eaeebd53610a08b1dc"
SITES = (
    f"https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/{COMMIT}",
    "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/HEAD",
)
"""The repository and the mirror that its readme names; both serve what the table pins, or are refused."""
TABLE = FOLDER / "crema-d.csv.gz"
SECONDS = 2.5
"""Typical length of a clip."""


@dataclass(frozen=True)
class PinnedClip:
    """A row of the table."""

    name: str
    """Such as ``1001_DFA_ANG_XX``: actor, sentence, emotion, level."""
    sha256: str
    bytes: int

    @property
    def actor(self) -> str:
        """The actor's number."""
        return self.name.partition("_")[0]


@cache
def pinned_clips() -> tuple[PinnedClip, ...]:
    """Read the table of all clips, in the order of their names."""
    with gzip.open(TABLE, "rt", encoding="ascii", newline="") as stream:
        return tuple(PinnedClip(name, digest, int(size)) for name, digest, size in csv.reader(stream))


class CremaD(SpeakerDataSet):
    """All actors or some, with published splits that are disjoint in actors."""

    terms = (
        "CREMA-D (github.com/CheyneyComputerScience/CREMA-D) is under the Open Database License 1.0, its clips under "
        "the Database Contents License 1.0: cite Cao et al., IEEE Trans. Affective Computing 5 (2014). Its authors ask "
        "users to fill out the form that its readme links."
    )
    numbers = tuple(range(1001, 1092))

    @cached_property
    def clips(self) -> tuple[PinnedClip, ...]:
        """The chosen clips of the chosen actors."""
        of: dict[str, list[PinnedClip]] = {str(number): [] for number in self.chosen}
        for clip in pinned_clips():
            if clip.actor in of:
                of[clip.actor].append(clip)
        return tuple(clip for clips in of.values() for clip in self.some(clips))

    def wanted_videos(self) -> list[Wanted]:
        """List every chosen clip with its size."""
        return [Wanted(clip.name, _urls(clip)[0], bytes=clip.bytes) for clip in self.clips]

    def is_here(self, wanted: Wanted) -> bool:
        """Whether a clip's file has its size; its content was verified when it was downloaded."""
        return self._problem(wanted.name, wanted.bytes) is None

    def unfetched(self) -> list[tuple[float, Split]]:
        """List length (a typical one) and split of every chosen clip that is not here."""
        homes = published("crema-d").by_name()
        return [(SECONDS, homes[clip.actor].split) for clip in self.clips if self._problem(clip.name, clip.bytes)]

    def jobs(self) -> Source:
        """List the chosen clips that are here.

        Raises:
            ConfigError: an unknown actor is chosen.
        """
        homes = published("crema-d").by_name()
        jobs, missing = [], []
        for clip in self.clips:
            problem, home = self._problem(clip.name, clip.bytes), homes[clip.actor]
            if problem is None:
                path = self._path(clip.name).resolve()
                jobs.append(VideoJob(clip.name, home.identity, home.split, "clip", path, path.name))
            else:
                missing.append(Rejected(clip.name, f"{clip.name}.flv", problem, "unavailable"))
        return list_with_sizes("crema-d", jobs, missing)

    def download(self, progress: Progress | None = None) -> dict[str, str]:
        """Download and verify the chosen clips that are not here.

        Raises:
            DownloadError: several clips failed in a row.
            WriteError: there is not enough room.
        """
        with download_lock(self.video_folder), http_session() as session:
            files = [
                RemoteFile(self._path(clip.name), _urls(clip), (f"sha256:{clip.sha256}",), clip.bytes)
                for clip in self.clips
                if self._problem(clip.name, clip.bytes)
            ]
            check_space(self.video_folder, remaining(files))
            advance = byte_progress(progress, sum(file.bytes for file in files), remaining(files))
            return self.note_failed(download_all(files, session, advance))

    def _path(self, name: str) -> Path:
        return self.video_folder / f"{name}.flv"

    def _problem(self, name: str, size: int | None) -> str | None:
        """Why a clip cannot be used, None where it can."""
        path = self._path(name)
        if path.is_file() and path.stat().st_size == size:
            return None
        if name in self.failed:
            return f"could not be downloaded: {self.failed[name]}"
        if path.is_file():
            return f"expected {size} bytes, got {path.stat().st_size} (a Git LFS pointer?); see --download"
        return f"expected {path}, got no file; see --download"


def _urls(clip: PinnedClip) -> tuple[str, ...]:
    return tuple(f"{site}/VideoFlash/{clip.name}.flv" for site in SITES)
