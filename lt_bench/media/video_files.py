"""Search for the videos in a folder; every other file is listed with the reason why it is not used."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lt_bench.files import printable

VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".ts", ".mts", ".m2ts", ".m2v", ".wmv", ".asf",
    ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".vob", ".qt", ".divx", ".y4m",
)  # fmt: skip
"""Suffixes of video files, in lower case."""
_SHOWN_SUFFIXES = ", ".join(VIDEO_SUFFIXES[:6])


@dataclass(frozen=True)
class VideoFiles:
    """Content of a folder; all paths are relative to it, in order."""

    videos: tuple[Path, ...]
    unused: dict[str, str]
    """Reason by printable path: for files that are not videos, folders without videos, and broken links."""

    def by_name(self) -> dict[str, list[Path]]:
        """Return the videos by their path without suffix, as ``comparable_name`` writes it."""
        found: dict[str, list[Path]] = {}
        for path in self.videos:
            found.setdefault(comparable_name(path.with_suffix("").as_posix()), []).append(path)
        return found


def comparable_name(name: str) -> str:
    """Normalize a file name, so that equal names are equal as text.

    Some systems store an accented letter as one character, others as a letter and an accent (NFC and NFD).
    """
    return unicodedata.normalize("NFC", printable(name))


def find_videos(folder: Path, skip: Path | None = None) -> VideoFiles:
    """List the videos below a folder; links to files and folders are followed, hidden entries left out.

    A folder without any video is one unused entry.

    Args:
        folder: to look into.
        skip: a folder that is not looked into where it lies in that one, for it is written to meanwhile.
    """
    closed = skip.resolve() if skip else None
    videos: list[Path] = []
    unused: dict[str, str] = {}
    for path, reason in _walk(folder, Path(), frozenset(), closed):
        if reason is not None:
            unused[printable(path.as_posix())] = reason
        else:
            videos.append(path)
    return VideoFiles(tuple(sorted(videos)), dict(sorted(unused.items())))


def _walk(
    root: Path, folder: Path, above: frozenset[tuple[int, int]], closed: Path | None
) -> Iterator[tuple[Path, str | None]]:
    """Every entry with the reason why it is not used; None for videos."""
    here = root / folder
    try:
        status = here.stat()
        names = sorted(name for name in os.listdir(here) if not name.startswith("."))  # noqa: PTH208 - names of any bytes
    except OSError as error:
        yield folder, f"a folder that cannot be read: {error.strerror or error}"
        return
    key = (status.st_dev, status.st_ino)
    if key in above:
        yield folder, "a link to a folder that it lies in"
        return
    for name in names:
        path = folder / name
        if (root / path).is_dir():
            if closed is None or (root / path).resolve() != closed:
                yield from _folder(list(_walk(root, path, above | {key}, closed)), path)
        else:
            yield path, _reason(root / path)


def _folder(entries: list[tuple[Path, str | None]], path: Path) -> Iterator[tuple[Path, str | None]]:
    if any(reason is None for _, reason in entries) or (len(entries) == 1 and entries[0][0] == path):
        yield from entries
    else:
        yield path, f"a folder without videos ({len(entries)} other files)"


def _reason(path: Path) -> str | None:
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    if not path.is_file():
        return "no regular file"
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return None
    return f"no video by its name (expected {_SHOWN_SUFFIXES} or the like)"
