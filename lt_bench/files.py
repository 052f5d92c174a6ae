"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from lt_bench.errors import LtBenchError, WriteError

MAX_JSON = 64_000_000
"""Bytes of a JSON file. In memory a document may be twelve times as large."""
MAX_CONTAINERS = 4_000_000
"""Lists and objects in it; each takes some ninety bytes, and three in the file."""


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it (fsync, then rename) when the block succeeds.

    The temporary file keeps the suffix of ``path``, so writers that look at it choose the same format. When the block
    fails, the temporary file is removed and ``path`` is as it was.

    Raises:
        WriteError: the folder cannot be written to, or the file not.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem[:80]}.", suffix=f".tmp{target.suffix}", dir=target.parent
        )
    except OSError as error:
        raise WriteError(f"{target}: expected a writable folder, got {error.strerror or error}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        with write_errors(target):
            yield temporary
            _sync(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
            _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_errors(target: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says against writing, itself or through safetensors, into one line that names the file.

    Raises:
        WriteError: the file could not be written.
    """
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else _told_by_safetensors(error)
        if number is None:  # libraries use OSError for their own complaints; only the system's are ours to explain
            raise
        raise WriteError(f"{target}: could not be written: {os.strerror(number)}") from error


def _told_by_safetensors(error: Exception) -> int | None:
    found = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
    return int(found[1]) if found else None


LEFTOVER = ".*.????????.tmp*"
"""Temporary files, as ``atomic_path`` names them."""


def is_leftover(path: Path) -> bool:
    """Whether a file is a temporary one, of a process that writes or was killed while it wrote."""
    return path.match(LEFTOVER)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a process that was killed while it wrote; call it where no other process writes."""
    for path in folder.rglob(LEFTOVER):
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically; what no UTF-8 can say (parts of file names may be any bytes) is escaped."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write a JSON document atomically; NaN and infinity are refused, for they are not JSON."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_text(path: str | os.PathLike[str], kind: str, limit: int) -> str:
    """Read a UTF-8 text of at most ``limit`` bytes, without the byte-order mark that some programs put in front.

    Pipes and devices, which may have no end, are not opened.

    Args:
        path: the file.
        kind: what errors say was expected, such as ``JSON``.
        limit: bytes.

    Raises:
        LtBenchError: the file is missing, unreadable, no regular file, larger, or not UTF-8.
    """
    try:
        with open_regular(path) as stream:
            data = stream.read(limit + 1)
            size = os.fstat(stream.fileno()).st_size
        if len(data) > limit:
            raise LtBenchError(f"{path}: expected a {kind} file of at most {limit} bytes, got {size}")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise LtBenchError(f"{path}: expected a readable {kind} file, got {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise LtBenchError(f"{path}: expected UTF-8 text, got other bytes") from None
    except ValueError as error:
        raise LtBenchError(f"{path}: expected the path of a {kind} file, got {error}") from None


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading bytes.

    Raises:
        OSError: it cannot be read, or is a folder, a pipe or a device (``EINVAL``).
        ValueError: the path holds a NUL.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a path is not always a Path
        code = errno.EISDIR if Path(path).is_dir() else errno.EINVAL
        raise OSError(code, "a folder" if code == errno.EISDIR else "a special file", str(path))
    return Path(path).open("rb")


def read_json(path: str | os.PathLike[str], limit: int = MAX_JSON) -> Any:
    """Read a JSON document of at most ``limit`` bytes.

    Raises:
        LtBenchError: the file is missing, unreadable, too large, or not JSON.
    """
    return parse_json(read_text(path, "JSON", limit), str(path))


def parse_json(text: str, source: str) -> Any:
    """A JSON document; ``source`` names it in errors.

    Raises:
        LtBenchError: not JSON, nested deeper than Python reads, or of more lists and objects than memory should hold.
    """
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise LtBenchError(f"{source}: expected JSON of at most {MAX_CONTAINERS} lists and objects, got more")
    try:
        return json.loads(text)
    except ValueError as error:
        raise LtBenchError(f"{source}: expected JSON, got {error}") from None
    except RecursionError:
        raise LtBenchError(f"{source}: expected JSON, got one that is nested too deep") from None


def sha256_file(path: str | os.PathLike[str]) -> str:
    """The hex SHA-256 of a file's bytes."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def printable(name: str) -> str:
    """A file's name as text that can be printed and written: bytes that are no UTF-8 become escapes of four letters."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def sha256_json(document: Any) -> str:
    """The hex SHA-256 of a JSON document in canonical form (sorted keys, no spaces)."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
