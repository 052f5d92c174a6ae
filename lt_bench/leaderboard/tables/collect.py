"""Discovery of result files, with the training curves and videos next to them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lt_bench.config import RunConfig, load_config
from lt_bench.conventions import (
    CHECKPOINTS,
    CONFIG_FILE,
    LEADERBOARD,
    METRICS_FILE,
    REAL_SETS,
    RESULT_FILE,
    STATUS_FILE,
    VIDEOS,
)
from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.results.result_file import FORMAT, Result, load_result
from lt_bench.files import MAX_JSON, read_json, read_text

# Folders that hold copies of results, not results.
SKIPPED = ("mlartifacts", "mlruns", LEADERBOARD, CHECKPOINTS, VIDEOS)


@dataclass(frozen=True)
class Entry:
    """One run of one system: its result, or why there is none."""

    source: Path
    """The result file, or the folder of a run that has none."""
    system: str
    portrait: str
    """Fusion of the portrait; empty for systems that are no cell of a grid."""
    audio: str
    seed: int | None
    state: str
    """``done``, or the state in which a run without a result is."""
    reason: str
    """Why a run failed."""
    result: Result | None
    videos: Path | None
    """Folder of the videos that were scored."""
    real: Path | None
    """Folder of the real set."""
    curve: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    """Optimiser step and training loss."""
    config: Path | None = None
    """The run's configuration, which repeats it."""


def collect(
    paths: Sequence[str | os.PathLike[str]], real: Path | None = None, videos: Mapping[str, Path] | None = None
) -> tuple[Entry, ...]:
    """Read result files and folders of runs.

    In a folder, every ``result.json`` below it counts, every result file directly in it, and every run (a folder with
    ``status.json``) that has no result yet.

    Args:
        paths: files and folders.
        real: folder of the real set, where it does not lie in the cache that a run's configuration names.
        videos: folders of videos by system, for results without a folder ``videos`` next to them.

    Raises:
        ResultError: nothing found, a damaged file, which it names, or videos of a system that has no result.
    """
    entries = [_entry(path, real, videos or {}) for path in _unique(p for root in paths for p in _sources(Path(root)))]
    if not entries:
        raise ResultError(f"{', '.join(map(str, paths))}: expected result files, got none")
    systems = {entry.system for entry in entries}
    for system in videos or {}:
        if system not in systems:
            raise ResultError(f"--videos {system}: expected one of the systems {', '.join(sorted(systems))}")
    return tuple(entries)


def _unique(paths: Any) -> list[Path]:
    return list({path.resolve(): path for path in paths}.values())


def _sources(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise ResultError(f"{root}: expected a result file or a folder of them, got nothing there")
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        here = Path(folder)
        if RESULT_FILE in files:
            found.append(here / RESULT_FILE)
        elif STATUS_FILE in files:
            found.append(here)
        if here == root:
            names = sorted(name for name in files if name.endswith(".json") and name != RESULT_FILE)
            found += [here / name for name in names if _is_result(here / name)]
    return found


def _is_result(path: Path) -> bool:
    document = read_json(path)
    return isinstance(document, dict) and document.get("format") == FORMAT


def _entry(source: Path, real: Path | None, videos: Mapping[str, Path]) -> Entry:
    folder = source if source.is_dir() else source.parent
    result = None if source.is_dir() else load_result(source)
    config = _config(folder) if source.is_dir() or source.name == RESULT_FILE else None
    meta = result.meta if result else {}
    portrait = str(meta.get("portrait") or (config.model.fusion.portrait if config else ""))
    audio = str(meta.get("audio") or (config.model.fusion.audio if config else ""))
    named = config.evaluation.system if config else ""
    system = result.system if result else named or (f"{portrait}-{audio}" if config else folder.name)
    state, reason = ("done", "") if result else _status(folder)
    own_videos = folder / VIDEOS if config else None
    return Entry(
        source=source,
        system=system,
        portrait=portrait,
        audio=audio,
        seed=result.seed if result else config.train.seed if config else None,
        state=state,
        reason=reason,
        result=result,
        videos=videos.get(system, own_videos if own_videos and own_videos.is_dir() else None),
        real=real or (_real_folder(config) if config else None),
        curve=_curve(folder / METRICS_FILE) if config else (),
        config=folder / CONFIG_FILE if config else None,
    )


def _config(folder: Path) -> RunConfig | None:
    path = folder / CONFIG_FILE
    return load_config(RunConfig, path) if path.exists() else None


def _real_folder(config: RunConfig) -> Path | None:
    folder = Path(config.data.cache) / REAL_SETS / config.evaluation.split
    return folder if folder.is_dir() else None


def _status(folder: Path) -> tuple[str, str]:
    document = read_json(folder / STATUS_FILE)
    if not isinstance(document, dict) or not isinstance(document.get("state"), str):
        raise ResultError(f"{folder / STATUS_FILE}: expected a JSON object with key 'state', got something else")
    return document["state"], str(document.get("reason", ""))


def _curve(path: Path) -> tuple[tuple[float, float], ...]:
    if not path.exists():
        return ()
    rows = csv.DictReader(io.StringIO(read_text(path, "CSV", MAX_JSON), newline=""))
    try:
        return tuple((float(row["step"]), float(row["loss"])) for row in rows if row["loss"])
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise LtBenchError(f"{path}: expected numbers in columns 'step' and 'loss', got {error!r}") from None
