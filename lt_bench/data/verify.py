"""Verification of a cache: size and hash of every file, shape and type of every tensor, the index and the real sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from lt_bench.conventions import REAL_SETS, SPLITS
from lt_bench.data.cache import LatentCache
from lt_bench.data.checksums import CHECKSUMS_FILE, check_checksums
from lt_bench.data.clip_file import ClipFile
from lt_bench.data.clip_tensors import shape_problem
from lt_bench.data.format import REJECTED_FILE, ClipRecord
from lt_bench.data.real_set import read_real_set
from lt_bench.errors import CacheError, LtBenchError
from lt_bench.files import read_json, sha256_file

DTYPES = {"latents": "F16", "audio": "F16", "portrait": "F16", "landmarks": "F32", "mouth_box": "F32", "truth": "F32"}
SLICE = 512
"""Number of frames to check at a time."""


@dataclass(frozen=True)
class Verification:
    """Number of verified files, and the first damage."""

    clips: int
    """Number of intact clips."""
    real_clips: int
    """Number of intact clips of real sets."""
    damage: str | None
    """One line that names the damaged file; None for an intact cache."""


def verify_cache(path: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Verification:
    """Check a cache and stop at the first damage.

    Args:
        path: folder of the cache.
        progress: callback that receives the finished and the total number of clips.
    """
    clips = real = 0
    try:
        cache = LatentCache.open(path)
        check_checksums(cache.path)
        _check_rejected(cache.path / REJECTED_FILE)
        records = cache.records()
        _check_index(cache, records)
        for record in records:
            _check_clip(cache, record)
            clips += 1
            if progress:
                progress(clips, len(records))
        for split in SPLITS:
            real += _check_real_set(cache, split)
    except LtBenchError as error:
        return Verification(clips, real, str(error))
    return Verification(clips, real, None)


def _check_rejected(path: Path) -> None:
    rows = read_json(path) if path.exists() else []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"id", "reason"} <= row.keys() for row in rows):
        raise CacheError(f"{path}: expected a list of rejected clips, got something else")


def _check_index(cache: LatentCache, records: tuple[ClipRecord, ...]) -> None:
    if not records:
        raise CacheError(f"{cache.path}: expected at least one clip, got none")
    home: dict[str, str] = {}
    for record in records:
        if home.setdefault(record.identity, record.split) != record.split:
            raise CacheError(
                f"{cache.path}: expected identity {record.identity} in one split, "
                f"got '{home[record.identity]}' and '{record.split}'"
            )
    listed = {record.file for record in records}
    for file in sorted((cache.path / "clips").glob("*.safetensors")):
        if f"clips/{file.name}" not in listed:
            raise CacheError(f"{file}: is not in the index")


def _check_clip(cache: LatentCache, record: ClipRecord) -> None:
    path = cache.path / record.file
    _check_file(path, record.sha256, record.bytes)
    file = ClipFile(path)
    problem = shape_problem({name: file.shape(name) for name in file.names}, cache.info, record.frames)
    if problem:
        raise CacheError(f"{path}: {problem}")
    for name in sorted(file.names):
        if file.dtype(name) != DTYPES[name]:
            raise CacheError(f"{path}: {name}: expected type {DTYPES[name]}, got {file.dtype(name)}")
        if DTYPES[name] == "F16" and not _is_finite(file, name):
            raise CacheError(f"{path}: {name}: expected finite numbers, got others")


def _is_finite(file: ClipFile, name: str) -> bool:
    """Check a tensor slice by slice, because a clip can be long."""
    starts = range(0, file.shape(name)[0], SLICE)
    return all(bool(torch.isfinite(file.stored(name, k, k + SLICE)).all()) for k in starts)


def _check_real_set(cache: LatentCache, split: str) -> int:
    folder = cache.path / REAL_SETS / split
    if not folder.exists():
        return 0
    real = read_real_set(folder)
    if (real.dataset, real.split, real.resolution) != (cache.info.dataset, split, cache.info.resolution):
        raise CacheError(
            f"{folder}: expected a real set of {cache.info.dataset} {split}, got {real.dataset} {real.split}"
        )
    records = {record.id: record for record in cache.records(split)}
    if records.keys() != {clip.id for clip in real.clips}:
        odd = sorted(records.keys() ^ {clip.id for clip in real.clips})[0]
        raise CacheError(f"{folder}: clip {odd} is in the index or in the real set, but not in both")
    for clip in real.clips:
        record = records[clip.id]
        if (clip.identity, clip.role, clip.frames) != (record.identity, record.role, record.frames):
            raise CacheError(f"{folder}: clip {clip.id}: identity, role or frames differ from the index")
        for kind, name in clip.files().items():
            _check_file(folder / name, clip.sha256[kind], None)
    for sums in folder.glob(f"*/{CHECKSUMS_FILE}"):  # reference statistics
        check_checksums(sums.parent)
    return len(real.clips)


def _check_file(path: Path, sha256: str, size: int | None) -> None:
    if not path.is_file():
        raise CacheError(f"{path}: is missing")
    if size is not None and path.stat().st_size != size:
        raise CacheError(f"{path}: expected {size} bytes, got {path.stat().st_size}")
    found = sha256_file(path)
    if found != sha256:
        raise CacheError(f"{path}: expected sha256 {sha256[:16]}.., got {found[:16]}..")
