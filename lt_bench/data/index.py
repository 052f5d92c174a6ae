"""``index.parquet``: the index of a cache, with one row per clip."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

from lt_bench.conventions import SPLITS
from lt_bench.data.format import ROLES, ClipQuality, ClipRecord, check_id, clip_file
from lt_bench.errors import CacheError
from lt_bench.files import open_regular

QUALITY = tuple(field.name for field in dataclasses.fields(ClipQuality))
COLUMNS = (
    *(
        field.name
        for field in dataclasses.fields(ClipRecord)
        if field.name not in ("quality", "file", "sha256", "bytes")
    ),
    *QUALITY,
    "file",
    "sha256",
    "bytes",
)

BATCH = 1024
"""Number of rows to read at a time."""
LATER_COLUMNS = {"roll": 0.0, "invented": 0.0, "speech_share": None, "offset": None, "sync_score": None}
"""Values for caches that were written before these columns existed."""


def record_to_row(record: ClipRecord) -> dict[str, Any]:
    """Convert a record to a flat row with one column per quality number."""
    row = dataclasses.asdict(record)
    row |= row.pop("quality")
    row["crop"] = None if record.crop is None else list(record.crop)
    return {name: row[name] for name in COLUMNS}


def row_to_record(row: dict[str, Any], source: str) -> ClipRecord:
    """Check a row and build its record.

    Raises:
        CacheError: a column is missing or has an invalid value.
    """
    from lt_bench.config import parse_config
    from lt_bench.errors import ConfigError

    row = {**LATER_COLUMNS, **row}
    missing = [name for name in COLUMNS if name not in row]
    if missing:
        raise CacheError(f"{source}: column '{missing[0]}' is missing")
    document = {name: row[name] for name in COLUMNS if name not in QUALITY}
    document["quality"] = {name: row[name] for name in QUALITY}
    try:
        record = parse_config(ClipRecord, document, source)
    except ConfigError as error:
        raise CacheError(str(error)) from None
    check_id(record.id)
    # A path in a file could lead outside the cache.
    if record.file != clip_file(record.id):
        raise CacheError(f"{source}: clip {record.id}: expected file {clip_file(record.id)}, got {record.file!r}")
    if record.frames < 1 or record.split not in SPLITS or record.role not in ROLES:
        raise CacheError(f"{source}: clip {record.id}: expected at least 1 frame, got {record.frames}")
    return record


def index_bytes(records: list[ClipRecord]) -> bytes:
    """Serialize the index with rows sorted by id, so that it does not depend on the order of preparation."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [record_to_row(record) for record in sorted(records, key=lambda r: r.id)]
    table = pa.Table.from_pylist(rows, schema=_schema())
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_index(path: Path) -> tuple[ClipRecord, ...]:
    """Read and check the index.

    Raises:
        CacheError: the index is missing, not parquet, lacks a column, or contains an id twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    records: dict[str, ClipRecord] = {}
    try:
        # The stream is opened here, because pyarrow would also read a folder of files from a path.
        with open_regular(path) as stream:
            # read_table would import pandas. Batches limit the memory, because a few bytes can encode millions of rows.
            for batch in pq.ParquetFile(stream).iter_batches(BATCH):
                for row in batch.to_pylist():
                    record = row_to_record(row, str(path))
                    if record.id in records:
                        raise CacheError(f"{path}: clip {record.id} stands twice")
                    records[record.id] = record
    except OSError as error:
        raise CacheError(f"{path}: expected a readable index, got {error.strerror or error}") from None
    except CacheError:
        raise
    except (pa.ArrowException, ValueError, ArithmeticError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CacheError(f"{path}: expected a parquet file of clips, got {reason}") from None
    return tuple(records.values())


def _schema() -> Any:
    import pyarrow as pa

    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string())
    kinds |= dict.fromkeys(QUALITY, pa.float64())
    kinds |= {"roll": pa.float64(), "frames": pa.int64(), "bytes": pa.int64(), "crop": pa.list_(pa.float64())}
    return pa.schema(list(kinds.items()))
