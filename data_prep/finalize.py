"""Final steps of a preparation: dropping duplicates, and writing the manifests of the exported splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from data_prep.datasets.jobs import Source
from data_prep.filters.duplicates import MIN_PICTURES, find_duplicates
from data_prep.outcome import Rejected
from data_prep.rules import RejectionError
from lt_bench.config import parse_config
from lt_bench.conventions import REAL_SETS, SPLITS
from lt_bench.data.format import ClipRecord
from lt_bench.data.real_set import RealClip, write_real_set
from lt_bench.data.writer import CacheWriter

_FILES = ("mp4", "png", "wav", "truth.safetensors")
"""Of an exported clip."""


def drop_duplicates(writer: CacheWriter) -> int:
    """Reject every clip that is the same as one before it in the order of ids, and remove its files.

    Returns:
        How many there were.
    """
    found = {record.id: writer.extra(record.id) for record in writer.records}
    prints = {name: extra["fingerprint"] for name, extra in found.items() if "fingerprint" in extra}
    copies = find_duplicates(prints)
    for record in writer.records:
        if record.id in copies:
            original, share = copies[record.id]
            error = RejectionError("duplicate", f"expected another clip, got {original} again", share, MIN_PICTURES)
            extra = found[record.id]
            clip = replace(Rejected.by(error, record.id, record.source), job=extra["job"], parts=extra["parts"])
            writer.reject(vars(clip))
            _remove_files(writer, record)
    return len(copies)


def remove_strays(writer: CacheWriter) -> None:
    """Remove files of clips that are not in the cache: a process died after it made them, or before it dropped them."""
    kept = {writer.path / record.file for record in writer.records}
    for record in writer.records:
        for kind in _FILES:
            kept.add(_real_file(writer, record, kind))
    for folder in ("clips", *(f"real/{split}" for split in SPLITS)):
        for path in (writer.path / folder).glob("*"):
            if path.is_file() and path not in kept:
                path.unlink()


def write_real_sets(writer: CacheWriter, source: Source) -> None:
    """Write the manifests of the splits whose videos are exported; a split without a clip leaves no folder."""
    for split in source.exported:
        folder = writer.path / REAL_SETS / split
        entries = [writer.extra(record.id)["real"] for record in writer.records if record.split == split]
        if entries:
            clips = [parse_config(RealClip, entry, f"{writer.path}: journal") for entry in entries]
            write_real_set(folder, source.dataset, split, writer.info.resolution, clips)
        elif folder.is_dir():
            folder.rmdir()


def _remove_files(writer: CacheWriter, record: ClipRecord) -> None:
    (writer.path / record.file).unlink(missing_ok=True)
    for kind in _FILES:
        _real_file(writer, record, kind).unlink(missing_ok=True)


def _real_file(writer: CacheWriter, record: ClipRecord, kind: str) -> Path:
    return writer.path / REAL_SETS / record.split / f"{record.id}.{kind}"
