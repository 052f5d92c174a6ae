"""Videos and pictures of a page: inside it, or, where they are many, files beside it that load when they are seen."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

from lt_bench.files import write_bytes
from lt_bench.media.image import jpeg_bytes
from lt_bench.media.video import iter_frames
from lt_bench.media.video_files import VIDEO_SUFFIXES

MAX_INSIDE = 12_000_000
"""Bytes of a page's videos before base64; beyond it they lie beside the page, so that it opens at once."""
FOLDER = "media"
POSTER_FRAME, POSTER_SIDE = 15, 256
"""Which frame stands for a video before it plays, and its longest side in pixels."""


class Attachments:
    """Puts files into one page, and knows what it refers to.

    Args:
        folder: where the page will lie; None for a page that can only hold its videos itself.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.inside = True
        self._left = MAX_INSIDE
        self._posters: dict[Path, str] = {}
        self._written: set[str] = set()

    def begin(self, files: Iterable[Path]) -> bool:
        """Whether these files, each once, still fit into the page; decides for all that are put until the next call."""
        size = sum(path.stat().st_size for path in set(files))
        self.inside = self.folder is None or size <= self._left
        self._left -= size if self.inside else 0
        return self.inside

    def video(self, path: Path | None) -> str:
        """base64 of a video, or its address relative to the page; empty where there is none."""
        return "" if path is None else self._put(path.read_bytes(), path.suffix.lower(), "")

    def poster(self, path: Path | None) -> str:
        """A picture of a video as an address: of its data, or relative to the page; empty where there is none."""
        if path is None:
            return ""
        if path not in self._posters:  # the real video is shown in several tables
            with closing(iter_frames(path, fps=None)) as frames:
                first = list(islice(frames, POSTER_FRAME + 1))
            self._posters[path] = self._put(jpeg_bytes(first[-1], POSTER_SIDE), ".jpg", "data:image/jpeg;base64,")
        return self._posters[path]

    def prune(self) -> None:
        """Remove files beside the page that an earlier page had and this one has not."""
        beside = self.folder / FOLDER if self.folder else None
        if beside is None or not beside.is_dir():
            return
        for path in beside.iterdir():
            if path.suffix in (*VIDEO_SUFFIXES, ".jpg") and path.name not in self._written:
                path.unlink()

    def _put(self, data: bytes, suffix: str, prefix: str) -> str:
        if self.inside or self.folder is None:
            return prefix + base64.b64encode(data).decode("ascii")
        # Named by content: no name from a result file becomes a path, and the same video is there once.
        name = hashlib.sha256(data).hexdigest()[:24] + suffix
        if name not in self._written and not (self.folder / FOLDER / name).is_file():
            write_bytes(self.folder / FOLDER / name, data)
        self._written.add(name)
        return f"{FOLDER}/{name}"
