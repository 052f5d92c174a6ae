"""Lookup of assets in the user's cache, then in a mirror; files are verified and never downloaded silently."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from lt_bench.assets.fetch import Advance, fetch
from lt_bench.assets.table import Asset, asset
from lt_bench.errors import AssetError
from lt_bench.files import atomic_path, sha256_file

Place = Literal["cache", "mirror"]


@dataclass(frozen=True)
class Location:
    """A file at the place of an asset."""

    place: Place
    path: Path


def cache_folder() -> Path:
    """Return the user's cache: ``LT_BENCH_CACHE``, or the platform's cache folder for lt_bench."""
    return Path(os.environ.get("LT_BENCH_CACHE") or platformdirs.user_cache_dir("lt_bench"))


def mirror_folder() -> Path | None:
    """Return the folder that ``LT_BENCH_MIRROR`` names, or None if it is not set.

    Raises:
        AssetError: it is set but is not a folder.
    """
    text = os.environ.get("LT_BENCH_MIRROR")
    if not text:
        return None
    if not Path(text).is_dir():
        raise AssetError(f"LT_BENCH_MIRROR: expected a folder of assets, got {text}")
    return Path(text)


def locate(wanted: Asset) -> Location | None:
    """Return the file that would be used for an asset, from the cache or else the mirror, without verifying it."""
    cached, mirror = cache_folder() / wanted.file, mirror_folder()
    if cached.exists():
        return Location("cache", cached)
    if mirror is not None and (mirror / wanted.file).exists():
        return Location("mirror", mirror / wanted.file)
    return None


def verify(wanted: Asset, path: Path) -> None:
    """Check that a file is the pinned one.

    Raises:
        AssetError: the asset is not pinned, or the file has another size or SHA-256 hash.
    """
    if wanted.sha256 is None:
        raise AssetError(f"{wanted.name}: not pinned: sha256 unknown, so that {path} cannot be verified or used")
    if not path.is_file():
        raise AssetError(f"{path}: expected the file of asset {wanted.name}, got no regular file")
    size = path.stat().st_size
    if wanted.bytes is not None and size != wanted.bytes:
        raise AssetError(f"{path}: expected asset {wanted.name} of {wanted.bytes} bytes, got {size} bytes")
    found = _sha256_once(path)
    if found != wanted.sha256:
        raise AssetError(f"{path}: expected asset {wanted.name} with sha256 {wanted.sha256}, got {found}")


def has_asset(name: str) -> bool:
    """Return whether an asset is in the cache or the mirror; nothing is downloaded.

    Raises:
        AssetError: the name is unknown, or the file at its place is not the pinned one.
    """
    wanted = asset(name)
    found = locate(wanted)
    if found is None or wanted.sha256 is None:
        return False
    verify(wanted, found.path)
    return True


def asset_path(name: str, download: bool = False, progress: Advance | None = None) -> Path:
    """Return the verified local file of an asset.

    The file is looked up in the user's cache, then in the mirror. If it is in neither, ``download`` allows a download
    into the cache.

    Args:
        name: name in the table of assets.
        download: download the asset from its official URL if it is missing.
        progress: callback for the progress of the download.

    Raises:
        AssetError: the name is unknown; the file is missing (the message gives its size, license and the command that
            gets it), not pinned, or not the pinned one; or the download failed.
    """
    wanted = asset(name)
    found = locate(wanted)
    if found is not None:
        verify(wanted, found.path)
        return found.path
    if not download:
        raise AssetError(_missing(wanted))
    return obtain(wanted, progress)


def obtain(wanted: Asset, progress: Advance | None = None) -> Path:
    """Make an asset available and verified in the user's cache: copy it from the mirror, or download it from its URL.

    A damaged file in the cache is replaced. A damaged file in the mirror is an error.

    Raises:
        AssetError: same as ``asset_path``.
    """
    target = cache_folder() / wanted.file
    if wanted.sha256 is None:
        raise AssetError(f"{wanted.name}: not pinned: sha256 unknown; it cannot be downloaded until it is pinned")
    if target.is_file() and _is_good(wanted, target):
        return target
    mirror = mirror_folder()
    with atomic_path(target) as temporary:
        if mirror is not None and (mirror / wanted.file).exists():
            verify(wanted, mirror / wanted.file)
            shutil.copyfile(mirror / wanted.file, temporary)
        else:
            fetch(wanted, temporary, progress)
        verify(wanted, temporary)
    return target


def _is_good(wanted: Asset, path: Path) -> bool:
    try:
        verify(wanted, path)
    except AssetError:
        return False
    return True


def _missing(wanted: Asset) -> str:
    mirror = os.environ.get("LT_BENCH_MIRROR")
    text = f"asset {wanted.name} ({wanted.size}, licence: {wanted.licence}) is missing: expected {wanted.file} in "
    text += (
        f"{cache_folder()} or in LT_BENCH_MIRROR, got neither ({f'it is {mirror}' if mirror else 'which is not set'})"
    )
    if wanted.sha256 is None:
        return f"{text}; not pinned: sha256 unknown, so it cannot be downloaded"
    if wanted.source == "derived":
        return f"{text}; it is converted from {wanted.url}, so only a mirror has it"
    return f"{text}; get it with: lt-bench assets get {wanted.name}"


_hashes: dict[tuple[str, int, int], str] = {}


def _sha256_once(path: Path) -> str:
    """Compute the hash of a file once per process, as long as its size and modification time stay the same."""
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if key not in _hashes:
        _hashes[key] = sha256_file(path)
    return _hashes[key]
