"""Videos of a data set's list: those in the folder, and the download of the others by yt-dlp."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.datasets.base import Progress, Wanted
from lt_bench.errors import ConfigError, LtBenchError
from lt_bench.files import read_json, write_json
from lt_bench.media.video_files import VIDEO_SUFFIXES

FAILED_FILE = "unavailable.json"
"""In the folder of videos: which could not be fetched, and why."""


class VideoFolder:
    """The videos of a folder by the stems of their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        self._files = {path.stem: path for path in files if path.suffix.lower() in VIDEO_SUFFIXES}
        self.failed: dict[str, str] = read_reasons(folder / FAILED_FILE)

    def find(self, *names: str) -> Path | None:
        """The file of the first of these names that has one."""
        return next((self._files[name].resolve() for name in names if name in self._files), None)

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
