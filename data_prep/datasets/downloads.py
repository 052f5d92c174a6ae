"""Videos of a data set's list: those in the folder, and the download of the others by yt-dlp."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from data_prep.datasets.base import Progress, Unused, Wanted
from lt_bench.errors import ConfigError, LtBenchError
from lt_bench.files import printable, read_json, write_json
from lt_bench.media.video_files import VIDEO_SUFFIXES, VideoFiles, comparable_name, find_videos

FAILED_FILE = "unavailable.json"
"""In the folder of videos: which could not be fetched, and why."""


class VideoFolder:
    """The videos of a folder and those below it, by the stems of their names; the highest of a name is the one.

    Args:
        folder: that may be absent.
        cache: folder that is prepared of it, which is not looked into.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.folder = folder
        self._found = find_videos(folder, cache) if folder.is_dir() else VideoFiles((), {})
        self._files: dict[str, Path] = {}
        for path in sorted(self._found.videos, key=lambda path: (len(path.parts), path)):
            self._files.setdefault(comparable_name(path.stem), path)
        self.failed: dict[str, str] = read_reasons(folder / FAILED_FILE)

    def find(self, *names: str) -> Path | None:
        """The file of the first of these names that has one."""
        found = self._first(names)
        return found and (self.folder / found).resolve()

    def _first(self, names: Iterable[str]) -> Path | None:
        keys = map(comparable_name, names)
        return next((self._files[key] for key in keys if key in self._files), None)

    def unused(self, sought: Iterable[Sequence[str]]) -> list[Unused]:
        """The entries of the folder that are not used, each with the reason.

        Args:
            sought: for each clip, the names of which ``find`` takes the first that has a file.
        """
        wanted = [tuple(names) for names in sought]
        used = {self._first(names) for names in wanted}
        known = {comparable_name(name) for names in wanted for name in names}
        entries = []
        for path in self._found.videos:
            if path in used:
                continue
            reason = f"expected the name of a video or clip of the list, got '{printable(path.stem)}'"
            if comparable_name(path.stem) in known:
                reason = "another file is used for its clips"
            entries.append(Unused(printable(path.as_posix()), "stray", reason))
        others = self._found.unused.items()
        return [*entries, *(Unused(name, "not_video", why) for name, why in others if name != FAILED_FILE)]

    def reason(self, *names: str) -> str:
        """Why there is none."""
        for name in names:
            if name in self.failed:
                return f"could not be downloaded: {self.failed[name]}"
        return f"expected a video {' or '.join(names)} ({', '.join(VIDEO_SUFFIXES)}), got none; see --download"


def read_reasons(path: Path) -> dict[str, str]:
    """Read the reasons of videos that could not be downloaded, by name; empty where there is no such file.

    Raises:
        LtBenchError: it is another document.
    """
    document = read_json(path) if path.exists() else {}
    if not isinstance(document, dict):
        raise LtBenchError(f"{path}: expected an object of reasons by video, got {type(document).__name__}")
    return document


def youtube(video: str) -> str:
    """The address of a YouTube video."""
    return f"https://www.youtube.com/watch?v={video}"


def fetch_videos(wanted: Sequence[Wanted], folder: Path, progress: Progress | None = None) -> dict[str, str]:
    """Download what is not in the folder yet, by yt-dlp; files appear whole or not at all, cut downloads go on.

    Returns:
        The reason of each video that could not be had; also kept in ``unavailable.json``, and tried again next time.

    Raises:
        ConfigError: yt-dlp is not installed.
        LtBenchError: the folder cannot be written to.
    """
    if importlib.util.find_spec("yt_dlp") is None:
        raise ConfigError("--download: expected yt-dlp, got none; install it with: pip install -e '.[download]'")
    here = VideoFolder(folder)
    missing = [video for video in wanted if here.find(video.name) is None]
    failed: dict[str, str] = {}
    for number, video in enumerate(missing):
        if progress:
            progress(len(wanted) - len(missing) + number, len(wanted))
        reason = _fetch(video, folder)
        if reason:
            failed[video.name] = reason
            write_json(folder / FAILED_FILE, dict(sorted(failed.items())))
    if not failed:
        (folder / FAILED_FILE).unlink(missing_ok=True)
    if progress:
        progress(len(wanted), len(wanted))
    return failed


def _fetch(video: Wanted, folder: Path) -> str | None:
    """Download one video; the reason where it cannot be had."""
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import YoutubeDLError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LtBenchError(f"{folder}: expected a writable folder, got {error.strerror}") from None
    most = f"[height<={video.height}]"
    options: dict[str, Any] = {
        "format": f"bv*{most}+ba/b{most}/b",
        "merge_output_format": "mp4",
        "outtmpl": str(folder / f"{video.name.replace('%', '%%')}.%(ext)s"),
        "noplaylist": True,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Silent(),
        "retries": 3,
    }
    try:
        with YoutubeDL(options) as downloader:  # type: ignore[arg-type]
            downloader.download([video.url])
    except YoutubeDLError as error:
        text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).removeprefix("ERROR: ")
        return " ".join(text.split())[:300]
    return None


class _Silent:
    """Takes what yt-dlp says; its errors come as exceptions."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...
