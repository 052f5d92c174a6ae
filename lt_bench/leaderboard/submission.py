"""A packed result: one zip with the result file, its manifest and perhaps the videos, for a maintainer to check.

``submission.json`` names every other member with its size and SHA-256. ``check_submission`` trusts nothing in the
pack: members are read in memory up to a bound and never unpacked to disk.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lt_bench
from lt_bench.conventions import RESULT_FILE
from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.protocol import load_protocol, protocol_names
from lt_bench.evaluation.results.result_file import Result, from_document, load_result
from lt_bench.evaluation.statistics.cluster import aggregate
from lt_bench.files import atomic_path, open_regular, parse_json, sha256_file
from lt_bench.versions import check_version

FORMAT = "lt_bench submission"
VERSION = 1
MANIFEST, RESULT = "submission.json", RESULT_FILE
MAX_TEXT = 64_000_000
"""Bytes of the manifest or the result at most, unpacked."""
MAX_VIDEO = 2_000_000_000
MAX_RATIO = 100
"""Unpacked bytes of all members over those of the pack; videos hardly shrink, and JSON not by so much."""
CHUNK = 1 << 20
TOLERANCE = 1e-9
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError, KeyError)
"""What reading a damaged archive may raise; locked members and unknown kinds of packing are RuntimeErrors."""
STAMP = (1980, 1, 1, 0, 0, 0)
"""Of every member, so that the same result makes the same pack."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    problem: str
    """Empty where all is well."""


def pack_submission(result: str | os.PathLike[str], out: str | os.PathLike[str], videos: Path | None = None) -> Path:
    """Write the pack of a result file, whole or not at all.

    Args:
        result: the result file.
        out: the zip file to write.
        videos: folder of the videos that the scores were measured on, to be packed too.

    Raises:
        ResultError: no valid result file, or a scored clip has no video in ``videos``.
    """
    loaded = load_result(result)
    members = {RESULT: Path(result)} | (_videos(loaded, videos) if videos else {})
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "lt_bench": lt_bench.__version__,
        "system": loaded.system,
        "protocol": {"id": loaded.protocol.id, "version": loaded.protocol.version, "hash": loaded.protocol.hash},
        "real_hash": loaded.real.hash,
        "files": {n: {"bytes": p.stat().st_size, "sha256": sha256_file(p)} for n, p in members.items()},
    }
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr(zipfile.ZipInfo(MANIFEST, STAMP), json.dumps(manifest, indent=1) + "\n")
        for name, path in members.items():
            with path.open("rb") as source, pack.open(zipfile.ZipInfo(name, STAMP), "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
    return Path(out)


def _videos(result: Result, folder: Path) -> dict[str, Path]:
    names = [clip.generated_file for clip in result.clips if clip.frames]
    found = {f"videos/{name}": folder / name for name in names}
    for path in found.values():
        if not path.is_file():
            raise ResultError(f"{path}: expected the video of a scored clip, got none")
    return found


def check_submission(path: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Look at everything that can be checked without the videos' real counterparts.

    Returns:
        A finding for each check, in order; the submission is sound when none has a problem.

    Raises:
        ResultError: the file is no zip archive.
    """
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as pack:
            return tuple(_findings(pack, os.fstat(stream.fileno()).st_size))
    except (*BROKEN, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: expected a packed result (zip), got {error}") from None


def _findings(pack: zipfile.ZipFile, size: int) -> Iterator[Finding]:
    names = [info.filename for info in pack.infolist()]
    unpacked = sum(info.file_size for info in pack.infolist())
    if unpacked > MAX_RATIO * size:
        yield Finding("size", f"expected at most {MAX_RATIO} times the {size} bytes of the pack, got {unpacked}")
        return
    try:
        manifest = _manifest(pack, names)
        yield Finding("manifest", "")
    except LtBenchError as error:
        yield Finding("manifest", str(error))
        return
    yield Finding("members are those of the manifest", _members(names, manifest["files"]))
    for name, facts in sorted(manifest["files"].items()):
        yield Finding(name, _file_problem(pack, name, facts) if name in names else "expected in the pack, got none")
    try:
        result = from_document(parse_json(_text(pack, RESULT), RESULT), RESULT)
    except LtBenchError as error:
        yield Finding("result schema", str(error))
        return
    yield Finding("result schema", "")
    yield Finding("manifest agrees with the result", _agreement(manifest, result))
    yield Finding("protocol", _protocol_problem(result))
    yield Finding("aggregates are those of the single videos", _aggregate_problem(result))


def _manifest(pack: zipfile.ZipFile, names: list[str]) -> dict[str, Any]:
    if MANIFEST not in names:
        raise ResultError(f"expected {MANIFEST} in the pack, got none")
    document = parse_json(_text(pack, MANIFEST), MANIFEST)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ResultError(f"{MANIFEST}: expected format '{FORMAT}', got something else")
    check_version(document, MANIFEST, VERSION, error=ResultError)
    files = document.get("files")
    if not isinstance(files, dict) or RESULT not in files or not all(isinstance(f, dict) for f in files.values()):
        raise ResultError(f"{MANIFEST}: key 'files': expected {RESULT} and the videos, got something else")
    return document


def _members(names: list[str], files: dict[str, Any]) -> str:
    strange = sorted(set(names) - {MANIFEST, *files})
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    leading = sorted(name for name in names if name.startswith("/") or ".." in Path(name).parts or "\\" in name)
    for problem, found in (("leads out of the pack", leading), ("stands twice", twice), ("is not listed", strange)):
        if found:
            return f"member '{found[0]}' {problem}"
    return ""


def _file_problem(pack: zipfile.ZipFile, name: str, facts: dict[str, Any]) -> str:
    limit = MAX_TEXT if name == RESULT else MAX_VIDEO
    digest, size = hashlib.sha256(), 0
    try:
        with pack.open(name) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    return f"expected at most {limit} bytes, got more"
                digest.update(chunk)
    except BROKEN as error:
        return f"expected a readable member, got: {error}"
    if (size, digest.hexdigest()) != (facts.get("bytes"), facts.get("sha256")):
        return f"expected sha256 {str(facts.get('sha256'))[:16]}, got {digest.hexdigest()[:16]}"
    return ""


def _text(pack: zipfile.ZipFile, name: str) -> str:
    try:
        with pack.open(name) as stream:
            data = stream.read(MAX_TEXT + 1)
    except BROKEN as error:
        raise ResultError(f"{name}: expected a readable member, got: {error}") from None
    if len(data) > MAX_TEXT:
        raise ResultError(f"{name}: expected at most {MAX_TEXT} bytes, got more")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ResultError(f"{name}: expected UTF-8 text, got other bytes") from None


def _agreement(manifest: dict[str, Any], result: Result) -> str:
    protocol = {"id": result.protocol.id, "version": result.protocol.version, "hash": result.protocol.hash}
    for key, value in (("system", result.system), ("protocol", protocol), ("real_hash", result.real.hash)):
        if manifest.get(key) != value:
            return f"key '{key}': expected {value!r}, got {manifest.get(key)!r}"
    return ""


def _protocol_problem(result: Result) -> str:
    if result.protocol.id not in protocol_names():
        return f"expected one of {', '.join(protocol_names())}, got '{result.protocol.id}'"
    ours = load_protocol(result.protocol.id)
    if (ours.version, ours.hash) != (result.protocol.version, result.protocol.hash):
        return (
            f"expected {ours.id} version {ours.version} {ours.hash[:16]}, "
            f"got version {result.protocol.version} {result.protocol.hash[:16]}"
        )
    return ""


def _aggregate_problem(result: Result) -> str:
    for score in result.scores.values():
        if score.scope != "video" or score.value is None:
            continue
        if len(score.per_video) != score.scored:
            return f"{score.name}: expected {score.scored} single values, got {len(score.per_video)}"
        value = aggregate(list(score.per_video.values()), score.aggregate)
        if abs(value - score.value) > TOLERANCE * max(1.0, abs(value)):
            return f"{score.name}: expected the {score.aggregate} {value!r}, got {score.value!r}"
    return ""
