"""Features on disk, so that no video is measured twice: not by a second score, a second run, or for a second system.

An entry is one safetensors file of named arrays. Its address is what it depends on, as a JSON object::

    {"video": sha256 of the file, "key": detector, weights and preprocessing, "treatment": size and length, "fps": 25.0,
     "code": hash of the code that measures it and of library versions (``lt_bench.evaluation.stores.code_hash``)}

and its path is ``<folder>/<first two digits>/<sha256 of the canonical JSON>.safetensors`` (``address_hash``). Nothing
else decides it, so anyone may fill a folder beforehand: ``features/`` inside a real set's folder is looked into first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from numpy import ndarray

from lt_bench.files import atomic_path, sha256_json

CACHE_VARIABLE = "LT_BENCH_CACHE"
SET_FEATURES = "features"
"""Folder of features inside a real set's folder."""
DEFAULT_LIMIT = 20 * 10**9
"""Bytes that the store may hold after a run."""
ABANDONED = 24 * 3600.0
"""Seconds after which a temporary file is one of a process that was killed while it wrote."""
Features = Mapping[str, ndarray]
Address = Mapping[str, str | int | float]


def default_folder() -> Path:
    """``$LT_BENCH_CACHE/features``, or ``features`` in the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("lt_bench")) / "features"


def address_hash(address: Address) -> str:
    """The name of an entry."""
    return sha256_json(dict(address))


class FeatureStore:
    """Named arrays by address; see the module.

    Entries never change and appear whole, so any number of processes may share a folder.

    Args:
        folder: where entries are kept; None for the user's cache.
        shared: folders that are looked into first and never written to.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, shared: Sequence[Path] = ()) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self.shared = tuple(shared)

    def get(self, address: Address, compute: Callable[[], Features]) -> dict[str, ndarray]:
        """The features of an address: from disk, else computed and kept."""
        found = self.find(address)
        return self.put(address, compute()) if found is None else found

    def find(self, address: Address) -> dict[str, ndarray] | None:
        """The features of an address, if they are here. A damaged entry of our own folder is removed."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        for folder in (*self.shared, self.folder):
            path = self._path(folder, address)
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            try:
                found = load(data)
            except SafetensorError:
                if folder == self.folder:
                    path.unlink(missing_ok=True)
                continue
            if folder == self.folder:
                with suppress(OSError):  # of a cache that may only be read
                    os.utime(path)  # the least recently used go first
            return found
        return None

    def put(self, address: Address, features: Features) -> dict[str, ndarray]:
        """Keep features; returns them."""
        from safetensors.numpy import save_file

        kept = {name: _contiguous(array) for name, array in features.items()}
        with atomic_path(self._path(self.folder, address)) as temporary:
            save_file(kept, temporary)
        return kept

    def prune(self, limit: int = DEFAULT_LIMIT) -> int:
        """Remove the least recently used entries until at most ``limit`` bytes are left; returns the bytes removed.

        So are half-written ones of processes that were killed, a day later.
        """
        entries = []
        for path in self.folder.glob("??/*"):
            with suppress(FileNotFoundError):  # another process prunes too
                status = path.stat()
                if path.name.startswith(".") and time.time() - status.st_mtime > ABANDONED:
                    path.unlink()
                    continue
                entries.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in entries) - limit
        removed = 0
        for _, size, path in sorted(entries):
            if removed >= excess:
                break
            path.unlink(missing_ok=True)
            removed += size
        return removed

    def _path(self, folder: Path, address: Address) -> Path:
        name = address_hash(address)
        return folder / name[:2] / f"{name}.safetensors"


def _contiguous(array: ndarray) -> ndarray:
    import numpy as np

    return np.ascontiguousarray(array)
