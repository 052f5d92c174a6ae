"""Writer of a latent cache, which resumes a killed preparation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from lt_bench.data.checksums import write_checksums
from lt_bench.data.clip_tensors import PreparedClip, write_clip
from lt_bench.data.format import (
    CACHE_FILE,
    INDEX_FILE,
    JOURNAL_FILE,
    OTHER_SETTINGS_REMEDY,
    REJECTED_FILE,
    CacheInfo,
    ClipRecord,
    difference,
    info_from_dict,
    info_to_dict,
)
from lt_bench.data.index import index_bytes, read_index, record_to_row, row_to_record
from lt_bench.errors import CacheError, LtBenchError
from lt_bench.files import is_leftover, read_json, remove_leftovers, write_bytes, write_json
from lt_bench.locks import lock


class CacheWriter:
    """The only writer of a cache folder.

    ``cache.json`` is written first. Every complete or rejected clip adds a line to a journal. ``finish`` converts the
    journal to ``index.parquet``, whose presence means that the cache is complete. A later writer with the same ``info``
    reads the journal, and ``has`` returns the clips that need no work.

    Raises:
        CacheError: another process writes to the folder, or it contains a cache that differs from ``info``.
    """

    def __init__(self, path: str | os.PathLike[str], info: CacheInfo) -> None:
        self.path = Path(path)
        self.info = info
        self._lock = _lock(self.path)
        try:
            self._rows: dict[str, dict[str, Any]] = {}
            self._records: dict[str, ClipRecord] = {}
            self._rejected: dict[str, dict[str, Any]] = {}
            self._begin()
        except BaseException:
            os.close(self._lock)
            raise

    def _begin(self) -> None:
        header = self.path / CACHE_FILE
        if header.exists():
            found = info_from_dict(read_json(header), header)
            problem = difference(found, self.info)
            if problem:
                raise CacheError(f"{self.path}: holds a cache of other settings: {problem}; {OTHER_SETTINGS_REMEDY}")
        elif any(p.name != ".lock" and not is_leftover(p) for p in self.path.iterdir()):
            raise CacheError(f"{self.path}: expected an empty folder or a latent cache, got a folder of other files")
        else:
            write_json(header, info_to_dict(self.info))
        self.complete = (self.path / INDEX_FILE).exists()
        if self.complete:
            self._records = {record.id: record for record in read_index(self.path / INDEX_FILE)}
            return
        # Remove temporary files of a killed writer; the lock shows that it has ended.
        remove_leftovers(self.path)
        self._read_journal()

    def _read_journal(self) -> None:
        journal = self.path / JOURNAL_FILE
        whole = b""
        for line in journal.read_bytes().splitlines(keepends=True) if journal.exists() else ():
            if not line.endswith(b"\n"):
                break  # the line that was being written when the writer was killed
            whole += line if self._remember(_journal_entry(line, journal), journal) else b""
        write_bytes(journal, whole)
        self._journal = journal.open("ab")

    def _remember(self, entry: dict[str, Any], journal: Path) -> bool:
        if "rejected" in entry:
            self._note_rejected(entry["rejected"])
            return True
        record = row_to_record(entry["row"], str(journal))
        file = self.path / record.file
        if not file.is_file() or file.stat().st_size != record.bytes:
            return False  # deleted or cut since: it is made again
        self._note_whole(record, entry)
        return True

    def has(self, clip_id: str) -> bool:
        """Return whether the clip is complete or was rejected."""
        return clip_id in self._records or clip_id in self._rejected

    @property
    def records(self) -> tuple[ClipRecord, ...]:
        """Return the complete clips, sorted by id."""
        return tuple(self._records[name] for name in sorted(self._records))

    @property
    def rejected(self) -> tuple[dict[str, Any], ...]:
        """Return the rejected clips, sorted by id; a clip that is rejected later is removed from ``records``."""
        return tuple(self._rejected[name] for name in sorted(self._rejected))

    def extra(self, clip_id: str) -> dict[str, Any]:
        """Return the additional document that ``commit`` received with the record."""
        return self._rows[clip_id]["extra"]

    def add(self, clip: PreparedClip, extra: dict[str, Any] | None = None) -> ClipRecord:
        """Write a clip and commit it."""
        record = write_clip(self.path, clip, self.info)
        self.commit(record, extra)
        return record

    def commit(self, record: ClipRecord, extra: dict[str, Any] | None = None) -> None:
        """Add a clip whose file is complete (written by ``write_clip``, possibly in another process).

        Args:
            record: row of the clip.
            extra: small JSON document to keep with it until ``finish``.
        """
        entry = {"row": record_to_row(record), "extra": extra or {}}
        self._write_line(entry)
        self._note_whole(record, entry)

    def reject(self, clip: dict[str, Any]) -> None:
        """Record that a clip cannot be used: a small JSON document with its ``id`` and the reason."""
        self._write_line({"rejected": clip})
        self._note_rejected(clip)

    def _note_whole(self, record: ClipRecord, entry: dict[str, Any]) -> None:
        self._records[record.id] = record
        self._rows[record.id] = entry
        self._rejected.pop(record.id, None)

    def _note_rejected(self, clip: dict[str, Any]) -> None:
        self._rejected[clip["id"]] = clip
        self._records.pop(clip["id"], None)

    def _write_line(self, entry: dict[str, Any]) -> None:
        try:
            self._journal.write(json.dumps(entry, allow_nan=False).encode() + b"\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())
        except OSError as error:
            raise LtBenchError(f"{self.path / JOURNAL_FILE}: could not be written: {error.strerror}") from error

    def finish(self) -> None:
        """Write ``rejected.json``, the checksums and then the index, which completes the cache.

        Raises:
            CacheError: there is no clip; ``rejected.json`` is written and the cache stays incomplete.
        """
        rejected = self.rejected
        write_json(self.path / REJECTED_FILE, list(rejected))
        if not self._records:
            reason = f": {rejected[0]['id']}: {rejected[0]['reason']}" if rejected else ""
            raise CacheError(f"{self.path}: expected at least one usable clip, got none{reason}")
        index = index_bytes(list(self._records.values()))
        write_checksums(self.path, {INDEX_FILE: index})
        write_bytes(self.path / INDEX_FILE, index)
        self._journal.close()
        (self.path / JOURNAL_FILE).unlink(missing_ok=True)
        self.complete = True

    def close(self) -> None:
        """Release the lock of the folder."""
        if hasattr(self, "_journal"):
            self._journal.close()
        os.close(self._lock)

    def __enter__(self) -> CacheWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _journal_entry(line: bytes, journal: Path) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or not (_is_row(entry) or _is_rejection(entry)):
        raise CacheError(
            f"{journal}: expected lines of finished clips, got a damaged one; delete the folder {journal.parent}"
        )
    return entry


def _is_row(entry: dict[str, Any]) -> bool:
    return entry.keys() == {"row", "extra"} and isinstance(entry["row"], dict)


def _is_rejection(entry: dict[str, Any]) -> bool:
    return entry.keys() == {"rejected"} and isinstance(entry["rejected"], dict) and "id" in entry["rejected"]


def _lock(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise CacheError(f"{path}: expected a writable folder, got {error.strerror or error}") from None
    try:
        if lock(handle, path):
            return handle
        raise CacheError(f"{path}: another process is writing this cache; wait until it ends")
    except LtBenchError:
        os.close(handle)
        raise
