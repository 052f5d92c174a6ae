"""Latent caches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.entry import Entry, Make, pipe, sparse, written
from hostile.tensors import HEADERS


def _cache(change: Callable[[Path], Any]) -> Make:
    """The fixture's cache with something else in it."""

    def write(path: Path) -> None:
        shutil.copytree("fixtures/cache", path)
        change(path)

    return write


def _index(change: Callable[[list[dict[str, Any]]], Any]) -> Make:
    """The fixture's cache with another index, its checksums mended."""

    def rewrite(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(path / "index.parquet").to_pylist()
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows), path / "index.parquet")
        _mend(path)

    return _cache(rewrite)


def _mend(path: Path) -> None:
    """Write the cache's checksums anew, as one who means harm would."""
    from lt_bench.files import sha256_file

    names = [line.split("  ", 1)[1] for line in (path / "SHA256SUMS").read_text().splitlines()]
    (path / "SHA256SUMS").write_text("".join(f"{sha256_file(path / name)}  {name}\n" for name in names))


def _in_cache(name: str, make: Make) -> Make:
    def change(path: Path) -> None:
        (path / name).unlink()
        make(path / name)

    return _cache(change)


def _clip(path: Path) -> str:
    return f"clips/{sorted(p.name for p in (path / 'clips').iterdir())[0]}"


def _in_clip(make: Make) -> Make:
    def change(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from lt_bench.files import sha256_file

        name = _clip(path)
        (path / name).unlink()
        make(path / name)
        if (path / name).is_file() and (path / name).stat().st_size < 2 * 10**8:  # its hash is made to fit
            rows = pq.read_table(path / "index.parquet").to_pylist()
            row = next(row for row in rows if row["file"] == name)
            row.update(sha256=sha256_file(path / name), bytes=(path / name).stat().st_size)
            pq.write_table(pa.Table.from_pylist(rows), path / "index.parquet")
            _mend(path)

    return _cache(change)


def _rows_bomb(path: Path) -> None:
    """30 million equal rows, which are a few kilobytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path / "index.parquet").slice(0, 1)
    one = pa.table(
        {
            name: table[name].combine_chunks().dictionary_encode()
            if pa.types.is_string(table[name].type)
            else table[name]
            for name in table.column_names
        }
    )
    with pq.ParquetWriter(path / "index.parquet", one.schema, compression="zstd") as writer:
        big = one.take(pa.array([0] * 1_000_000))
        for _ in range(30):
            writer.write_table(big)
    _mend(path)


def _header(change: Callable[[dict[str, Any]], Any]) -> Make:
    def write(path: Path) -> None:
        document = json.loads((path / "cache.json").read_text())
        change(document)
        (path / "cache.json").write_text(json.dumps(document))
        _mend(path)

    return _cache(write)


CACHES_MADE: dict[str, tuple[Make, str]] = {
    "of a newer version": (_header(lambda d: d.update(version=2)), "version"),
    "of another format": (_header(lambda d: d.update(format="x")), "format"),
    "of latents as large as a city": (_header(lambda d: d.update(latent_shape=[3, 10**9, 10**9])), "latent_shape"),
    "of a factor of 0": (_header(lambda d: d["codec"].update(factor=0)), ""),
    "of a scaling of 0": (_header(lambda d: d["codec"].update(std=[0.0] * d["codec"]["channels"])), ""),
    "of deep settings": (_cache(lambda p: (p / "cache.json").write_text('{"format": ' + "[" * 100_000)), ""),
    "whose index is no parquet": (_in_cache("index.parquet", written("PAR1 no PAR1")), ""),
    "whose index is of 0 bytes": (_in_cache("index.parquet", written(b"")), ""),
    "whose index announces a footer of 4 GB": (
        _in_cache("index.parquet", written(b"PAR1" + b"\0" * 99 + b"\xff\xff\xff\xffPAR1")),
        "",
    ),
    "whose index is 3 GB of zeros": (_in_cache("index.parquet", sparse(3 * 10**9)), ""),
    "whose index is a pipe": (_in_cache("index.parquet", pipe), ""),
    "whose index is of 30 million rows": (_cache(_rows_bomb), ""),
    "whose file leads out": (_index(lambda rows: rows[0].update(file="../../../outside/secret.mp4")), ""),
    "whose id leads out": (_index(lambda rows: rows[0].update(id="../../x")), ""),
    "with a clip twice": (_index(lambda rows: rows.append(rows[0])), "twice"),
    "with 10^15 frames": (_index(lambda rows: rows[0].update(frames=10**15)), ""),
    "with nulls": (_index(lambda rows: rows[0].update(identity=None)), ""),
    "with text for numbers": (_index(lambda rows: [row.update(frames="x") for row in rows]), ""),
    "without a column": (_index(lambda rows: [row.pop("sha256") for row in rows]), "sha256"),
    "whose clip is missing": (_cache(lambda p: (p / _clip(p)).unlink()), "missing"),
    "whose checksums lead out": (
        _cache(lambda p: (p / "SHA256SUMS").write_text("0" * 64 + "  ../../outside/secret.mp4\n")),
        "",
    ),
    "whose checksums name a device": (_cache(lambda p: (p / "SHA256SUMS").write_text("0" * 64 + "  /dev/zero\n")), ""),
    "whose checksums are other bytes": (_cache(lambda p: (p / "SHA256SUMS").write_bytes(b"\xff\xfe")), ""),
    "whose rejections are no list": (_cache(lambda p: ((p / "rejected.json").write_text("{}"), _mend(p))), ""),
}

CACHES = tuple(
    Entry(f"cache {name}", "cache", make, (1, 2), says) for name, (make, says) in CACHES_MADE.items()
) + tuple(Entry(f"clip {name}", "cache", _in_clip(make), (1, 2)) for name, make in HEADERS.items())
