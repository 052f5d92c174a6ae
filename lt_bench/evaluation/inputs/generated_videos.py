"""The generated videos of a system: a folder, optionally with a manifest of how they were made."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.conventions import GENERATED_SET_FORMAT as FORMAT
from lt_bench.conventions import GENERATED_SET_VERSION as VERSION
from lt_bench.conventions import MANIFEST_FILE
from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import Scalar
from lt_bench.files import printable, read_json
from lt_bench.media.video_files import find_videos
from lt_bench.versions import KEYS, check_version

_TAKEN = (*KEYS, "system", "cache_hash", "real_hash", "complete")


@dataclass(frozen=True)
class GeneratedVideos:
    """Videos by path without suffix, and the facts of their manifest."""

    folder: Path
    videos: dict[str, list[Path]]
    """By ``comparable_name`` of their path in the folder, without suffix."""
    unused: dict[str, str]
    """What else lies in the folder, by path, with the reason why it is not used."""
    system: str
    seed: int | None
    cache_hash: str | None
    real_hash: str | None
    """Of the real set the videos were made for, where the manifest says it."""
    reasons: dict[str, str]
    """Why clips are not there, as the generator noted."""
    meta: dict[str, Scalar]


def open_generated_videos(folder: str | os.PathLike[str]) -> GeneratedVideos:
    """List the videos and read the manifest, if it is one of ours; a ``manifest.json`` of another format is not read.

    Raises:
        ResultError: no folder, no video, or a manifest of ours in another version or with a wrong key.
    """
    path = Path(folder)
    if not path.is_dir():
        got = "a file" if path.exists() else "nothing"
        raise ResultError(f"{path}: expected a folder of generated videos, got {got}")
    found = find_videos(path)
    videos = {name: [path / file for file in files] for name, files in found.by_name().items()}
    if not videos:
        seen = "".join(f"; {name}: {reason}" for name, reason in list(found.unused.items())[:1])
        raise ResultError(f"{path}: expected generated videos (mp4 and the like), got none{seen}")
    manifest = path / MANIFEST_FILE
    document = read_json(manifest) if manifest.is_file() else {}
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        document = {}
    else:
        check_version(document, str(manifest), VERSION, error=ResultError)
    return GeneratedVideos(
        folder=path,
        videos=videos,
        unused={name: reason for name, reason in found.unused.items() if name != MANIFEST_FILE},
        system=_typed(document, "system", str, manifest) or printable(path.resolve().name),
        seed=_seed(document, manifest),
        cache_hash=_typed(document, "cache_hash", str, manifest),
        real_hash=_typed(document, "real_hash", str, manifest),
        reasons=_reasons(document),
        meta=_facts(document, manifest),
    )


def _facts(document: dict[str, Any], path: Path) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {
        k: v for k, v in document.items() if k not in _TAKEN and isinstance(v, (str, int, float, bool))
    }
    for key, value in facts.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ResultError(f"{path}: key '{key}': expected a finite number, got {value}")
    plugins = document.get("plugins")
    hashes = plugins.items() if isinstance(plugins, dict) else ()
    return facts | {f"plugin {name}": _typed({name: sha256}, name, str, path) for name, sha256 in hashes}


def _typed(document: dict[str, Any], key: str, kind: type, path: Path) -> Any:
    value = document.get(key)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ResultError(f"{path}: key '{key}': expected {kind.__name__}, got {value!r:.80}")
    return value


def _seed(document: dict[str, Any], path: Path) -> int | None:
    sampling = document.get("sampling")
    holder = document if "seed" in document or not isinstance(sampling, dict) else sampling
    return _typed(holder, "seed", int, path)


def _reasons(document: dict[str, Any]) -> dict[str, str]:
    misses = document.get("misses")
    rows = [row for row in misses if isinstance(row, dict)] if isinstance(misses, list) else []
    return {str(row["id"]): str(row["reason"]) for row in rows if {"id", "reason"} <= row.keys()}
