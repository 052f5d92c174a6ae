"""``SHA256SUMS``: hashes of the small files of a cache that no other file covers; ``sha256sum -c`` reads it too.

The index covers the clip files, the manifests cover the files of real sets, and the checksums cover the index and the
manifests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lt_bench.data.format import CACHE_FILE, REJECTED_FILE
from lt_bench.errors import CacheError, LtBenchError
from lt_bench.files import read_text, sha256_file, write_text

CHECKSUMS_FILE = "SHA256SUMS"
MAX_BYTES = 10_000_000


def write_checksums(cache: Path, coming: Mapping[str, bytes]) -> None:
    """Write the checksums of the existing files, and of files that are about to be written."""
    there = [CACHE_FILE, REJECTED_FILE, *(p.relative_to(cache).as_posix() for p in cache.glob("real/*/manifest.json"))]
    sums = {name: sha256_file(cache / name) for name in there}
    write_sums(cache, sums | {name: hashlib.sha256(data).hexdigest() for name, data in coming.items()})


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the checksums of a folder: SHA-256 by path relative to the folder."""
    write_text(folder / CHECKSUMS_FILE, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def check_checksums(folder: Path) -> None:
    """Compare every listed file with its hash.

    Raises:
        CacheError: the list is missing or damaged, or a file is missing or damaged.
    """
    path = folder / CHECKSUMS_FILE
    try:
        *lines, end = read_text(path, "text", MAX_BYTES).split("\n")
    except LtBenchError:
        raise CacheError(f"{path}: expected the checksums of the folder's files, got none that can be read") from None
    if end or not lines:
        raise CacheError(f"{path}: expected lines of hashes, got a cut or empty file")
    for line in lines:
        digest, _, name = line.partition("  ")
        file = folder / name
        if not name or "\0" in line or _leads_out(name) or not file.is_file():
            raise CacheError(f"{path}: expected the hash of a file of this folder, got {line[:100]!r}")
        found = sha256_file(file)
        if found != digest:
            raise CacheError(f"{file}: expected sha256 {digest[:16]}.., got {found[:16]}..")


def _leads_out(name: str) -> bool:
    return Path(name).is_absolute() or ".." in Path(name).parts
