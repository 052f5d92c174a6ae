"""The GRID corpus (Cooke, Barker, Cunningham, Shao 2006): 33 speakers on video with 1,000 sentences of 3 s each.

It is Zenodo record 3625687 with one archive for each speaker. The record states size and MD5 of every archive; the
package pins the MD5 of the first ten, and the SHA-256 of what arrived is noted in the folder of videos.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.datasets.base import Progress, Wanted, list_with_sizes
from data_prep.datasets.http_downloads import (
    RemoteFile,
    check_space,
    download_all,
    download_lock,
    file_digest,
    http_session,
    reason_of,
    remaining,
)
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import Source, VideoJob
from data_prep.datasets.progress import byte_progress
from data_prep.datasets.published_splits import published
from data_prep.datasets.speakers import SpeakerDataSet
from data_prep.outcome import Rejected
from lt_bench.conventions import Split
from lt_bench.errors import DownloadError, MediaError
from lt_bench.files import printable, read_json, write_errors, write_json

if TYPE_CHECKING:
    import requests

SITE = "https://zenodo.org"
RECORD = "3625687"
NOTED_FILE = "checksums.json"
"""In the folder of videos: digests of every archive that was downloaded to it."""
CLIPS, SECONDS = 1000, 3.0
"""Of each speaker; of each clip."""
ARCHIVE_BYTES = 413_000_000
"""Typical size of an archive; the record tells each exactly."""
PINNED_MD5 = {
    1: "cbd6556668f061b5c3681bc722659b39",
    2: "36e513652d9abec68c721221ede557df",
    3: "b854132feecda313f0a0c6145131d693",
    4: "1bb4543ca0a27fe76e2874845468a016",
    5: "895d17182889324dd2453aff0ae49083",
    6: "e82a4330653ed81d00c0d2738431e6e7",
    7: "ff31aaddf10bbe345aa1a8434b205fd5",
    8: "af52367c91e96c20cabb0820046dbd73",
    9: "602221e579190b7cb393b4b86a4228bc",
    10: "628b4df6915b379e2c050512f661fa04",
}
"""MD5 of the archives of the first ten speakers."""
_CLIP = re.compile(r"[a-z0-9_]{1,40}\.mpg")


class Grid(SpeakerDataSet):
    """The whole corpus or some of its speakers, with published splits that are disjoint in speakers."""

    terms = (
        "GRID corpus (doi.org/10.5281/zenodo.3625687) by M. Cooke, J. Barker, S. Cunningham and X. Shao, CC BY 4.0: "
        "cite Cooke et al., J. Acoust. Soc. Am. 120 (2006), and state changes where you pass it on."
    )
    numbers = tuple(number for number in range(1, 35) if number != 21)  # speaker 21 has no video

    def wanted_videos(self) -> list[Wanted]:
        """List the archive of each chosen speaker; sizes are typical ones."""
        return [Wanted(f"s{n}", _url(f"s{n}.zip"), bytes=ARCHIVE_BYTES) for n in self.chosen]

    def is_here(self, wanted: Wanted) -> bool:
        """Whether a speaker's videos are in the folder."""
        return bool(self._clips(wanted.name))

    def unfetched(self) -> list[tuple[float, Split]]:
        """List length and split of every clip of the chosen speakers that are not here."""
        homes = published("grid").by_name()
        away: list[Split] = [homes[f"s{n}"].split for n in self.chosen if not self._clips(f"s{n}")]
        return [(SECONDS, split) for split in away for _ in self.some(range(CLIPS))]

    def jobs(self) -> Source:
        """List the clips of the chosen speakers, ``s1/bbaf2n.mpg`` as ``s1_bbaf2n``.

        Raises:
            ConfigError: an unknown speaker is chosen.
        """
        homes = published("grid").by_name()
        jobs, missing = [], []
        for name in (f"s{number}" for number in self.chosen):
            home, clips = homes[name], self.some(self._clips(name))
            for path in clips:
                clip_id = f"{name}_{path.stem}"
                jobs.append(VideoJob(clip_id, home.identity, home.split, "clip", path.resolve(), f"{name}/{path.name}"))
            missing += self._strays(name)
            if not clips:
                missing.append(Rejected(name, f"{name}.zip", self._reason(name), "unavailable"))
        return list_with_sizes("grid", jobs, missing)

    def download(self, progress: Progress | None = None) -> dict[str, str]:
        """Download, verify and unpack the archives of chosen speakers that are not here.

        Raises:
            DownloadError: the record cannot be read, or states another checksum than the pinned or noted one.
            WriteError: there is not enough room.
        """
        folder = self.video_folder
        with download_lock(folder), http_session() as session:
            away = [number for number in self.chosen if not self._clips(f"s{number}")]
            noted = _Noted(folder / NOTED_FILE)
            files = [noted.checked(file) for file in _archives(away, folder, session)] if away else []
            unpacked = sum(file.bytes for file in files) * 11 // 10  # the videos hardly compress
            check_space(folder, unpacked + max((remaining([file]) for file in files), default=0))
            advance = byte_progress(progress, sum(file.bytes for file in files), remaining(files))

            def finish(file: RemoteFile) -> None:
                noted.note(file)
                _unpack(file.path, folder / file.path.stem)
                file.path.unlink()

            return self.note_failed(download_all(files, session, advance, finish))

    def _clips(self, speaker: str) -> list[Path]:
        return sorted(path for path in (self.video_folder / speaker).glob("*.mpg") if _CLIP.fullmatch(path.name))

    def _strays(self, speaker: str) -> list[Rejected]:
        """Entries of a speaker's folder that are no clips of the corpus."""
        folder = self.video_folder / speaker
        names = sorted(p.name for p in folder.iterdir() if not _CLIP.fullmatch(p.name)) if folder.is_dir() else []
        reason = "expected a video with a name such as bbaf2n.mpg, got another entry"
        ids = unique_ids([f"{speaker}.{name}" for name in names])
        return [
            Rejected(clip_id, printable(f"{speaker}/{name}"), reason, "not_video")
            for clip_id, name in zip(ids, names, strict=True)
        ]

    def _reason(self, speaker: str) -> str:
        if speaker in self.failed:
            return f"could not be downloaded: {self.failed[speaker]}"
        return f"expected videos in {self.video_folder / speaker}, got none; see --download"


class _Noted:
    """Digests of the archives that were downloaded to a folder; the same archive must have them again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, Any] = read_json(path) if path.exists() else {}
        if not isinstance(self._rows, dict):
            raise MediaError(f"{path}: expected an object of digests by archive, got {type(self._rows).__name__}")

    def checked(self, file: RemoteFile) -> RemoteFile:
        """Add the digests noted for an archive to those it must have."""
        name = file.path.name
        digests = self._rows.get(name, [])
        if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
            raise MediaError(f"{self._path}: key '{name}': expected a list of digests, got {digests!r}")
        return RemoteFile(file.path, file.urls, tuple(dict.fromkeys([*file.digests, *digests])), file.bytes)

    def note(self, file: RemoteFile) -> None:
        """Note the digests of an archive that has just arrived."""
        digests = [*file.digests, f"sha256:{file_digest(file.path, 'sha256')}"]
        self._rows[file.path.name] = list(dict.fromkeys(digests))
        write_json(self._path, self._rows)


@dataclass(frozen=True)
class _RecordEntry:
    bytes: int
    md5: str


def _url(name: str) -> str:
    return f"{SITE}/records/{RECORD}/files/{name}?download=1"


def _archives(numbers: list[int], folder: Path, session: requests.Session) -> list[RemoteFile]:
    """The archives of some speakers, with size and checksum as the record states them."""
    entries = _record(session)
    files = []
    for number in numbers:
        name = f"s{number}.zip"
        if name not in entries:
            raise DownloadError(f"{SITE}/records/{RECORD}: expected a file {name}, got none")
        entry, pinned = entries[name], PINNED_MD5.get(number)
        if pinned is not None and pinned != entry.md5:
            raise DownloadError(f"{SITE}/records/{RECORD}: {name}: expected md5 {pinned}, got {entry.md5}")
        files.append(RemoteFile(folder / name, (_url(name),), (f"md5:{entry.md5}",), entry.bytes))
    return files


def _record(session: requests.Session) -> dict[str, _RecordEntry]:
    import requests

    url = f"{SITE}/api/records/{RECORD}"
    try:
        with session.get(url, timeout=60) as response:
            response.raise_for_status()
            files = response.json()["files"]
        return {
            entry["key"]: _RecordEntry(int(entry["size"]), entry["checksum"].removeprefix("md5:")) for entry in files
        }
    except requests.RequestException as error:
        raise DownloadError(f"{url}: expected the list of the record's files, got {reason_of(error)}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadError(f"{url}: expected files with key, size and checksum, got another document") from error


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a speaker's videos into a folder, which appears whole or not at all.

    Raises:
        DownloadError: the archive is damaged or holds no video.
    """
    with write_errors(folder), tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder.parent) as temporary:
        videos = Path(temporary) / folder.name
        videos.mkdir()
        try:
            with zipfile.ZipFile(archive) as packed:
                members = {Path(info.filename).name: info for info in packed.infolist() if not info.is_dir()}
                # Names come from outside: only plain ones are taken, and none of the folders in front of them.
                for name in sorted(name for name in members if _CLIP.fullmatch(name)):
                    with packed.open(members[name]) as source, (videos / name).open("wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)
        except (zipfile.BadZipFile, EOFError) as error:
            raise DownloadError(f"expected a zip archive, got: {error}") from None
        if not any(videos.iterdir()):
            raise DownloadError("expected videos (*.mpg) in the archive, got none")
        if folder.is_dir():  # without any video, else it would not have been wanted
            shutil.rmtree(folder)
        videos.rename(folder)
