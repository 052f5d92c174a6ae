"""Inputs with which another system can generate the videos of a real set: portraits, sound, and a list of them.

The folder contains ``<id>.png``, ``<id>.wav`` (mono, 16 kHz), ``inputs.json`` and the same list as ``inputs.csv``,
but not the real videos. The other system returns a folder of ``<id>.mp4``, which ``lt-bench evaluate`` pairs by name.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lt_bench.conventions import FPS
from lt_bench.data.real_set import RealClip, RealSet
from lt_bench.errors import CacheError
from lt_bench.files import atomic_path, sha256_file, write_json, write_text

FORMAT = "lt_bench inputs"
VERSION = 1
INPUTS_FILE, LIST_FILE = "inputs.json", "inputs.csv"


@dataclass(frozen=True)
class ExportedInputs:
    """Summary of the exported files."""

    folder: Path
    clips: tuple[str, ...]
    """Ids of the clips, each with one portrait and one sound."""
    seconds: float
    """Total length of the videos to generate."""


def export_inputs(real: RealSet, out: str | os.PathLike[str]) -> ExportedInputs:
    """Copy the portrait and sound of every clip to be generated; existing complete files are kept.

    Raises:
        CacheError: a file of the real set is missing or differs from its manifest.
        LtBenchError: ``out`` cannot be written.
    """
    folder = Path(out)
    clips = [clip for clip in real.clips if clip.role == "clip"]
    for clip in clips:
        for kind in ("portrait", "audio"):
            _copy(real, clip, kind, folder)
    entries = [
        {
            "id": clip.id,
            "portrait": clip.portrait,
            "audio": clip.audio,
            "frames": clip.frames,
            "video": f"{clip.id}.mp4",
            "sha256": {kind: clip.sha256[kind] for kind in ("portrait", "audio")},
        }
        for clip in clips
    ]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "dataset": real.dataset,
        "split": real.split,
        "fps": FPS,
        "resolution": real.resolution,
        "real_hash": real.hash,
        "clips": entries,
    }
    write_json(folder / INPUTS_FILE, document)
    write_text(folder / LIST_FILE, _csv(clips))
    return ExportedInputs(folder, tuple(clip.id for clip in clips), sum(clip.frames for clip in clips) / FPS)


def _copy(real: RealSet, clip: RealClip, kind: str, folder: Path) -> None:
    name, expected = clip.files()[kind], clip.sha256[kind]
    source, target = real.folder / name, folder / name
    if target.is_file() and sha256_file(target) == expected:
        return
    if not source.is_file():
        raise CacheError(f"{source}: expected the {kind} of clip {clip.id}, got no such file")
    if sha256_file(source) != expected:
        raise CacheError(f"{source}: expected sha256 {expected[:16]}, got another file")
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _csv(clips: list[RealClip]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "portrait", "audio", "frames", "video"))
    writer.writerows((c.id, c.portrait, c.audio, c.frames, f"{c.id}.mp4") for c in clips)
    return text.getvalue()
