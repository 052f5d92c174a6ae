"""Verified downloads over HTTP that resume: files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.assets.table import readable_size
from lt_bench.errors import DownloadError, WriteError
from lt_bench.files import write_errors
from lt_bench.locks import lock

if TYPE_CHECKING:
    import requests

LOCK_FILE = ".download.lock"
PART_SUFFIX = ".part"
"""Of a file that is not complete yet; a later download resumes it."""
CHUNK = 1 << 16
"""Bytes written at a time; at most as many of a broken answer are sent again."""
TIMEOUT_SECONDS = 60
ATTEMPTS = 5
"""Attempts in a row that bring no new byte before an address is given up."""
RETRY_SECONDS = 1.0
"""Wait before the second attempt; it doubles with each further one."""
MAX_FAILURES = 5
"""Files in a row that fail before a download ends: the network or the site is down."""
Advance = Callable[[int], None]
"""Called with the number of bytes that have just arrived; negative where some are dropped."""


@dataclass(frozen=True)
class RemoteFile:
    """A file and where it comes from."""

    path: Path
    urls: tuple[str, ...]
    """Addresses of the same content, tried in order."""
    digests: tuple[str, ...]
    """``algorithm:hexadecimal``; the content must have all of them."""
    bytes: int


@contextmanager
def http_session() -> Iterator[requests.Session]:
    """A session that tries refused and overloaded requests again and honors ``Retry-After``."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(total=ATTEMPTS, backoff_factor=RETRY_SECONDS, status_forcelist=(429, 500, 502, 503, 504))
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        yield session


@contextmanager
def download_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from downloading to the same folder, which is made where it is not there.

    Raises:
        WriteError: another process is downloading to it, or it cannot be written to.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not lock(handle, folder):
            raise WriteError(f"{folder}: expected no other download to this folder, got one by another process")
        yield
    finally:
        os.close(handle)


def check_space(folder: Path, needed: int) -> None:
    """Check that a folder's file system has room, before anything is downloaded.

    Args:
        folder: of the downloads; it need not exist.
        needed: bytes that will be written.

    Raises:
        WriteError: there is less room.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise WriteError(
            f"{folder}: expected {readable_size(needed)} of free space for the download, got {readable_size(free)}; "
            "free some, name a folder on another disk (--videos DIR), or choose fewer speakers (--speakers)"
        )


def remaining(files: Iterable[RemoteFile]) -> int:
    """Return the bytes that are still to arrive; what a cut download has left behind counts as here."""
    return sum(max(0, file.bytes - max(_size(file.path), _size(_part(file)))) for file in files)


def download_file(file: RemoteFile, session: requests.Session, advance: Advance = lambda count: None) -> None:
    """Download a file and verify it; what an earlier attempt has left behind is not sent again, unless it is damaged.

    Raises:
        DownloadError: no address has it, or what arrives is not the expected content.
        WriteError: it cannot be written.
    """
    import requests

    part, reasons = _part(file), []
    if file.path.is_file():  # a process died before it used the file, or it is another one in its place
        try:
            verify_download(file.path, file)
        except DownloadError:
            advance(-min(_size(file.path), file.bytes))
            file.path.unlink()
        else:
            return
    for url in file.urls:
        try:
            _obtain(url, part, file, session, advance)
        except (requests.RequestException, DownloadError) as error:
            reasons.append(f"{url}: {reason_of(error)}")
        else:
            with write_errors(file.path):
                part.replace(file.path)
            return
    raise DownloadError("; ".join(reasons))


def verify_download(path: Path, expected: RemoteFile) -> None:
    """Check size and digests of a file.

    Raises:
        DownloadError: names the first that differs, expected and got.
    """
    if _size(path) != expected.bytes:
        raise DownloadError(f"expected {expected.bytes} bytes, got {_size(path)}")
    for digest in expected.digests:
        algorithm, _, value = digest.partition(":")
        found = file_digest(path, algorithm)
        if found != value:
            raise DownloadError(f"expected {algorithm} {value}, got {found}")


def file_digest(path: Path, algorithm: str) -> str:
    """Return the hexadecimal digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def download_all(
    files: Sequence[RemoteFile],
    session: requests.Session,
    advance: Advance,
    finish: Callable[[RemoteFile], None] = lambda file: None,
) -> dict[str, str]:
    """Download files one after another; ``finish`` is called with each that has arrived.

    Returns:
        The reason of each file that failed, by its name.

    Raises:
        DownloadError: several files failed in a row.
        WriteError: a file cannot be written.
    """
    failed: dict[str, str] = {}
    in_a_row = 0
    for file in files:
        try:
            download_file(file, session, advance)
            finish(file)
            in_a_row = 0
        except DownloadError as error:
            failed[file.path.name] = str(error)
            in_a_row += 1
            if in_a_row == MAX_FAILURES:
                raise DownloadError(
                    f"{file.path.name}: {MAX_FAILURES} downloads in a row failed: {error}; "
                    "the same command resumes where it stopped"
                ) from None
    return failed


def _obtain(url: str, part: Path, file: RemoteFile, session: requests.Session, advance: Advance) -> None:
    """Complete a part and verify it; one that was resumed and turns out damaged is sent once more from its start."""
    for resumed in (_size(part) > 0, False):
        _receive(url, part, file.bytes, session, advance)
        try:
            verify_download(part, file)
        except DownloadError:
            advance(-_size(part))
            part.unlink()
            if not resumed:
                raise
        else:
            return


def _receive(url: str, part: Path, total: int, session: requests.Session, advance: Advance) -> None:
    """Append to a part until it has all bytes; the connection may break several times."""
    import requests

    barren = 0
    while (start := _size(part)) < total:
        try:
            _append(url, part, start, total, session, advance)
            if _size(part) < total:
                raise requests.ConnectionError(f"the answer ended after {_size(part)} of {total} bytes")
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            barren = 0 if _size(part) > start else barren + 1
            if barren == ATTEMPTS:
                raise
            time.sleep(RETRY_SECONDS * 2**barren)


def _append(url: str, part: Path, start: int, total: int, session: requests.Session, advance: Advance) -> None:
    """Append one answer to a part; nothing is taken of a file that the site says is of another size."""
    headers = {"Accept-Encoding": "identity"}  # sizes and ranges are of the file as it is stored
    if start:
        headers["Range"] = f"bytes={start}-"
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        response.raise_for_status()
        sent = response.headers.get("Content-Range", "")
        resumed = response.status_code == 206 and sent.startswith(f"bytes {start}-")
        stated = sent.rpartition("/")[2] if resumed else response.headers.get("Content-Length", "")
        if stated.isdigit() and int(stated) != total:
            raise DownloadError(f"expected {total} bytes, got {stated}")
        if start and not resumed:
            advance(-start)
        with write_errors(part), part.open("ab" if resumed else "wb") as sink:
            for chunk in response.iter_content(CHUNK):
                sink.write(chunk)
                advance(len(chunk))
            sink.flush()
            os.fsync(sink.fileno())


def _part(file: RemoteFile) -> Path:
    return file.path.with_name(file.path.name + PART_SUFFIX)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def reason_of(error: Exception) -> str:
    """Say on one line why a request failed: the innermost reason where libraries wrap it."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, Exception):
            return " ".join((str(error) or type(error).__name__).split())[:300]
        error = inner
