"""Which generated video belongs to which real one: by file name, or as a file of pairs says."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.errors import ResultError
from lt_bench.evaluation.inputs.generated_videos import GeneratedVideos
from lt_bench.evaluation.inputs.reference_set import ReferenceSet
from lt_bench.evaluation.results.result_file import Miss
from lt_bench.evaluation.running.clip_scorer import Pair
from lt_bench.files import MAX_JSON, read_json, read_text
from lt_bench.media.video_files import comparable_name

MAX_NAME = 1000
"""Characters of a path in a file of pairs."""


@dataclass(frozen=True)
class Pairing:
    """Pairs to score, and why the other clips are not."""

    pairs: tuple[Pair, ...]
    misses: tuple[Miss, ...]
    """Clips of the real set without a video, and videos of no real clip."""


def pair_by_name(videos: GeneratedVideos, reference: ReferenceSet, whole_reference: ReferenceSet) -> Pairing:
    """Pair videos of the same path in their folder, with any suffix.

    Args:
        videos: the generated videos.
        reference: the clips to score.
        whole_reference: all clips, also those that are not to be scored; videos of theirs are not listed as unpaired.
    """
    pairs, misses = [], []
    for entry in reference.clips:
        found = videos.videos.get(entry.id, [])
        if len(found) == 1:
            pairs.append(Pair(entry, found[0]))
        elif found:
            names = " and ".join(path.name for path in found)
            why = f"expected one generated video of this name, got {names}; remove one"
            misses.append(Miss(entry.id, None, why, fault="generated"))
        else:
            why = videos.reasons.get(entry.id) or _why_none(videos, entry.id)
            misses.append(Miss(entry.id, None, why, fault="generated"))
    known = {clip.id for clip in (*whole_reference.clips, *whole_reference.gallery.values())}
    unpaired = [
        Miss(name, None, "no real video of this name", fault="reference")
        for name in sorted(videos.videos.keys() - known)
    ]
    return Pairing(tuple(pairs), (*misses, *unpaired))


def _why_none(videos: GeneratedVideos, clip: str) -> str:
    """What lies in the folder in the place of a video."""
    for name, reason in videos.unused.items():
        if clip in (comparable_name(name), comparable_name(Path(name).with_suffix("").as_posix())):
            return f"no generated video of this name: {name} is {reason}"
    return "no generated video of this name"


def _files(videos: GeneratedVideos) -> list[Path]:
    return [file for files in videos.videos.values() for file in files]


def _inside(folder: Path, name: str, pairs: str | os.PathLike[str]) -> Path:
    """A file that is no listed video, if it lies in the folder."""
    whole, file = folder.resolve(), (folder / name).resolve()
    if whole not in file.parents:
        raise ResultError(f"{pairs}: expected files inside {folder}, got '{name}'")
    return folder / file.relative_to(whole)


def pair_by_file(videos: GeneratedVideos, reference: ReferenceSet, path: str | os.PathLike[str]) -> Pairing:
    """Pair as a file says: JSON ``{"real id": "generated file"}``, or CSV with the columns ``real`` and ``generated``.

    A real video is named by its id (its path in the folder without suffix), a generated one by its path in the folder.

    Raises:
        ResultError: the file cannot be read, names a real video twice or one that there is not, or leaves the folder.
    """
    wanted = read_pairs(path)
    known = {clip.id for clip in reference.clips}
    listed = {comparable_name(file.relative_to(videos.folder).as_posix()): file for file in _files(videos)}
    unknown = sorted(wanted.keys() - known)
    if unknown:
        raise ResultError(f"{path}: expected ids of real videos, got '{unknown[0]}'")
    pairs, misses = [], []
    for entry in reference.clips:
        name = wanted.get(entry.id)
        file = listed.get(comparable_name(name)) or _inside(videos.folder, name, path) if name else None
        if file is None:
            why = f"{Path(path).name} names no generated video for it"
            misses.append(Miss(entry.id, None, why, fault="generated"))
        elif file.is_file():
            pairs.append(Pair(entry, file))
        else:
            why = videos.reasons.get(entry.id, f"no generated video {name}")
            misses.append(Miss(entry.id, None, why, fault="generated"))
    return Pairing(tuple(pairs), tuple(misses))


def read_pairs(path: str | os.PathLike[str]) -> dict[str, str]:
    """Generated file by real id.

    Raises:
        ResultError: no such file, or not of the form.
    """
    file = Path(path)
    if not file.is_file():
        raise ResultError(f"{file}: expected a file of pairs (CSV or JSON), got none")
    pairs = _from_json(read_json(file), file) if file.suffix.lower() == ".json" else _from_csv(file)
    for name in pairs.values():
        if "\0" in name or len(name) > MAX_NAME:
            raise ResultError(f"{file}: expected paths in the folder of generated videos, got {name[:80]!r}")
    return pairs


def _from_csv(file: Path) -> dict[str, str]:
    reader = csv.DictReader(io.StringIO(read_text(file, "CSV", MAX_JSON), newline=""))
    pairs: dict[str, str] = {}
    try:
        if not {"real", "generated"} <= set(reader.fieldnames or ()):
            raise ResultError(f"{file}: expected columns real and generated, got {', '.join(reader.fieldnames or ())}")
        for row in reader:
            real = comparable_name(str(row["real"] or "").strip())
            if real in pairs:
                raise ResultError(f"{file}: expected every real video once, got '{real}' twice")
            pairs[real] = str(row["generated"] or "").strip()
    except csv.Error as error:
        raise ResultError(f"{file}: expected CSV, got {error}") from None
    return pairs


def _from_json(document: Any, file: Path) -> dict[str, str]:
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise ResultError(f"{file}: expected an object of generated files by real id, got something else")
    return {comparable_name(real): name for real, name in document.items()}
