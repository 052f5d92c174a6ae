"""Per-clip features for set-level metrics; spilled to disk above a memory budget."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from numpy import ndarray

from lt_bench.evaluation.running.clip_scorer import ClipScores
from lt_bench.files import write_errors

BUDGET = 512 * 2**20
"""Bytes of features that are held in memory."""


@dataclass(frozen=True, eq=False)
class SpilledArrays(Mapping[str, ndarray]):
    """Arrays in a file, read again at every access."""

    path: Path

    def __getitem__(self, name: str) -> ndarray:
        from safetensors import safe_open

        with safe_open(self.path, framework="np") as stored:
            return stored.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        from safetensors import safe_open

        with safe_open(self.path, framework="np") as stored:
            return iter(list(stored.keys()))

    def __len__(self) -> int:
        return len(list(iter(self)))


class SpilledFeatures:
    """Features of a run, in memory up to a budget and in files beyond it; close it when they are combined."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._left = budget
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def keep(self, clip: ClipScores) -> ClipScores:
        """Return the same clip, with its collected arrays in files where the budget is used up."""
        size = sum(array.nbytes for features in clip.collected.values() for array in features.values())
        if size <= self._left:
            self._left -= size
            return clip
        return replace(clip, collected={name: self._store(features) for name, features in clip.collected.items()})

    def close(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> SpilledFeatures:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _store(self, features: Mapping[str, ndarray]) -> SpilledArrays:
        from safetensors.numpy import save_file

        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="lt_bench_spilled_")
        self._files += 1
        path = Path(self._folder.name) / f"{self._files}.safetensors"
        with write_errors(path):
            save_file(dict(features), path)
        return SpilledArrays(path)
