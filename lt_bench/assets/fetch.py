"""Downloads of assets from their official sources; the caller verifies the result."""

from __future__ import annotations

import bz2
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lt_bench.assets.table import Asset
from lt_bench.errors import AssetError

Advance = Callable[[int], None]
"""Called with the number of bytes that have arrived so far."""
_TIMEOUT_SECONDS = 60
_PIP_TIMEOUT_SECONDS = 1800


def fetch(wanted: Asset, target: Path, progress: Advance | None = None) -> None:
    """Download an asset and unpack it to ``target``.

    Raises:
        AssetError: it has no source that can be fetched, the download failed, or the archive lacks the member.
    """
    if wanted.source == "derived":
        raise AssetError(
            f"{wanted.name}: expected a mirror (set LT_BENCH_MIRROR), got none with {wanted.file}: the file is "
            f"{wanted.note.split(';')[0]} ({wanted.url}), so no address serves it"
        )
    with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder:
        if wanted.source in ("wheel", "sdist"):
            archive = _download_package(wanted, Path(folder))
        else:
            archive = Path(folder) / "download"
            _download(wanted, archive, progress)
        with _unpacked(wanted, archive) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)


def _download(wanted: Asset, target: Path, progress: Advance | None) -> None:
    import pooch
    import requests

    # Any object with the methods of a progress bar works, despite the annotation.
    bar: Any = _Bar(progress) if progress else False
    download = pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT_SECONDS)
    try:
        # The third argument is pooch's registry, which this downloader does not use.
        download(wanted.url, str(target), None)
    except (requests.RequestException, ValueError) as error:
        response = getattr(error, "response", None)
        if response is not None:  # a refused request keeps its connection open
            response.close()
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AssetError(f"{wanted.name}: could not be downloaded from {wanted.url}: {reason}") from error


def _download_package(wanted: Asset, folder: Path) -> Path:
    """Download the wheel or source distribution of a package with the user's pip configuration, without installing."""
    requirement = wanted.url.removeprefix("pypi:")
    package = requirement.partition("==")[0]
    kind = "--only-binary" if wanted.source == "wheel" else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind, package]
    command += ["--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise AssetError(f"{wanted.name}: pip download {requirement} took over {_PIP_TIMEOUT_SECONDS} s") from error
    found = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode or len(found) != 1:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise AssetError(f"{wanted.name}: pip download {requirement} failed: {said}")
    return found[0]


@contextmanager
def _unpacked(wanted: Asset, archive: Path) -> Iterator[IO[bytes]]:
    """Stream the asset's bytes from the downloaded file; only this member is unpacked."""
    try:
        if wanted.source == "url":
            with archive.open("rb") as stream:
                yield stream
        elif wanted.source == "bz2":
            with bz2.open(archive) as stream:
                yield stream
        elif wanted.source == "sdist":
            with tarfile.open(archive) as tar:
                yield _tar_member(wanted, tar)
        else:
            assert wanted.member is not None
            with zipfile.ZipFile(archive) as packed, packed.open(wanted.member) as stream:
                yield stream
    except KeyError as error:
        raise AssetError(f"{wanted.name}: expected {wanted.member} in what {wanted.url} gives, got none") from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise AssetError(f"{wanted.name}: expected an archive from {wanted.url}, got: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise AssetError(f"{wanted.name}: expected packed data from {wanted.url}, got: {error}") from error


def _tar_member(wanted: Asset, tar: tarfile.TarFile) -> IO[bytes]:
    """Find a member of a source distribution, whose single top folder contains the version."""
    for member in tar:
        if member.isfile() and member.name.partition("/")[2] == wanted.member:
            stream = tar.extractfile(member)
            assert stream is not None
            return stream
    raise KeyError(wanted.member)


class _Bar:
    """Adapter from pooch's progress bar to ``progress``."""

    def __init__(self, progress: Advance) -> None:
        self._progress = progress
        self._done = 0
        self.total: int | None = None

    def update(self, count: int) -> None:
        self._done += count
        self._progress(self._done)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._progress(self._done)
