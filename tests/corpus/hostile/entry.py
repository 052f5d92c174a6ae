"""One hostile thing and what must become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Make = Callable[[Path], None]
"""Makes the file (or folder) at a path; everything a test needs beside it lies in the current folder."""


@dataclass(frozen=True)
class Entry:
    """A file of the corpus."""

    name: str
    """Unique; what reports call it."""
    kind: str
    """Which commands meet it; see ``trials.py``."""
    make: Make
    codes: tuple[int, ...] = (2,)
    """Exit codes that are right."""
    says: str = ""
    """What stdout or stderr must contain."""
    file: str = ""
    """Its file name, where the name is what is hostile."""

    @property
    def filename(self) -> str:
        """The name of its file; the suffix is added where there is none."""
        return self.file or self.name


@dataclass(frozen=True)
class Trial:
    """One call of ``lt-bench``."""

    name: str
    arguments: tuple[str, ...]
    codes: tuple[int, ...]
    says: str = ""
    seconds: float = 30.0
    """More CPU time than this is a hang."""
    environment: tuple[tuple[str, str], ...] = ()


def written(data: bytes | str) -> Make:
    """A file of these bytes, or of this text in UTF-8."""
    content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return lambda path: (path.write_bytes(content), None)[1]


def sparse(size: int, head: bytes = b"") -> Make:
    """A file that is far larger than what it holds: zeros that take no disk."""

    def make(path: Path) -> None:
        path.write_bytes(head)
        with path.open("r+b") as stream:
            stream.truncate(size)

    return make


def loop(path: Path) -> None:
    """A symbolic link to itself."""
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    """A named pipe that nobody writes to: opening it waits for ever."""
    import os

    os.mkfifo(path)


def folder(path: Path) -> None:
    """A folder where a file is expected."""
    path.mkdir()
