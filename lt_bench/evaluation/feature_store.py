"""Features of real videos on disk, so that scoring the second system does not measure the real set again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from numpy import ndarray

from lt_bench.files import atomic_path, sha256_json

CACHE_VARIABLE = "LT_BENCH_CACHE"
Features = Mapping[str, ndarray]


def default_folder() -> Path:
    """``$LT_BENCH_CACHE/features``, or ``features`` in the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("lt_bench")) / "features"


class FeatureStore:
    """Named arrays addressed by what they depend on: the video's bytes, the detector, what was done to the frames.

    Entries never change and appear whole, so any number of processes may share a folder.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()

    def get(self, key: Mapping[str, str | int | float], compute: Callable[[], Features]) -> dict[str, ndarray]:
        """The features of ``key``: from disk, else computed and kept. A damaged entry is measured again."""
        from safetensors import SafetensorError
        from safetensors.numpy import load, save_file

        path = self._path(key)
        if path.is_file():
            try:
                return load(path.read_bytes())
            except SafetensorError:
                path.unlink(missing_ok=True)
        features = {name: _contiguous(array) for name, array in compute().items()}
        with atomic_path(path) as temporary:
            save_file(features, temporary)
        return features

    def _path(self, key: Mapping[str, str | int | float]) -> Path:
        digest = sha256_json(dict(key))
        return self.folder / digest[:2] / f"{digest}.safetensors"


def _contiguous(array: ndarray) -> ndarray:
    import numpy as np

    return np.ascontiguousarray(array)
