"""Real set: the real videos of a split, with sound and portraits, as a reference for generated videos."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lt_bench.conventions import FPS, MANIFEST_FILE, Split
from lt_bench.data.format import Role, check_id
from lt_bench.errors import CacheError, ConfigError
from lt_bench.files import read_json, sha256_file, sha256_json, write_json
from lt_bench.versions import body_of, check_version

FORMAT = "lt_bench real set"
VERSION = 1


@dataclass(frozen=True)
class RealClip:
    """One real video; paths are relative to the manifest."""

    id: str
    identity: str
    role: Role
    """``gallery``: another take of an identity, to recognize it; never generated or scored."""
    frames: int
    video: str
    portrait: str
    audio: str
    truth: str | None
    """Exact state of a synthetic speaker (tensors ``truth``, ``landmarks``, ``mouth_box``); None for real people."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Hashes of the files under the keys ``video``, ``portrait``, ``audio`` and, if it exists, ``truth``."""

    def files(self) -> dict[str, str]:
        """Return the clip's files by kind."""
        named = {"video": self.video, "portrait": self.portrait, "audio": self.audio, "truth": self.truth}
        return {kind: name for kind, name in named.items() if name is not None}


@dataclass(frozen=True)
class RealSet:
    """The content of a real set's manifest."""

    folder: Path
    dataset: str
    split: Split
    resolution: int
    clips: tuple[RealClip, ...]

    @property
    def hash(self) -> str:
        """Compute the SHA-256 over the sorted (id, SHA-256 of the video, portrait and sound)."""
        return real_set_hash(self.clips)


@dataclass(frozen=True)
class _Manifest:
    dataset: str
    split: Split
    fps: int
    resolution: int
    hash: str
    clips: tuple[RealClip, ...]


def real_clip(folder: Path, clip_id: str, identity: str, role: Role, frames: int, truth: bool) -> RealClip:
    """Make the entry of a clip with complete files ``<id>.mp4``, ``.png``, ``.wav`` and ``.truth.safetensors``."""
    clip = RealClip(
        id=check_id(clip_id),
        identity=identity,
        role=role,
        frames=frames,
        video=f"{clip_id}.mp4",
        portrait=f"{clip_id}.png",
        audio=f"{clip_id}.wav",
        truth=f"{clip_id}.truth.safetensors" if truth else None,
    )
    hashes = {kind: sha256_file(folder / name) for kind, name in clip.files().items()}
    return RealClip(**{**clip.__dict__, "sha256": hashes})


def real_set_hash(clips: tuple[RealClip, ...] | list[RealClip]) -> str:
    """Compute the SHA-256 over the sorted (id, SHA-256 of the video, portrait and sound)."""
    return sha256_json(sorted([c.id, c.sha256["video"], c.sha256["portrait"], c.sha256["audio"]] for c in clips))


def write_real_set(folder: Path, dataset: str, split: Split, resolution: int, clips: list[RealClip]) -> None:
    """Write a real set's manifest, with clips sorted by id."""
    from lt_bench.config import to_dict

    ordered = sorted(clips, key=lambda clip: clip.id)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "dataset": dataset,
        "split": split,
        "fps": FPS,
        "resolution": resolution,
        "hash": real_set_hash(ordered),
        "clips": [to_dict(clip) for clip in ordered],
    }
    write_json(folder / MANIFEST_FILE, document)


def read_real_set(folder: str | os.PathLike[str]) -> RealSet:
    """Read a real set's manifest without opening the files.

    Raises:
        CacheError: there is no manifest, it has another format or version or a wrong key, or its hash does not match.
    """
    from lt_bench.config import parse_config

    path = Path(folder) / MANIFEST_FILE
    if not path.is_file():
        raise CacheError(f"{folder}: expected a real set (a folder with {MANIFEST_FILE}), got none")
    document: Any = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CacheError(f"{path}: expected format '{FORMAT}', got something else")
    check_version(document, str(path), VERSION, error=CacheError)
    try:
        manifest = parse_config(_Manifest, body_of(document), str(path))
    except ConfigError as error:
        raise CacheError(str(error)) from None
    for clip in manifest.clips:
        _check_entry(clip, path)
    if len({clip.id for clip in manifest.clips}) < len(manifest.clips):
        raise CacheError(f"{path}: expected every clip id once, got one twice")
    if manifest.hash != real_set_hash(manifest.clips):
        raise CacheError(
            f"{path}: key 'hash': expected {real_set_hash(manifest.clips)[:16]}.., got {manifest.hash[:16]}.."
        )
    return RealSet(Path(folder), manifest.dataset, manifest.split, manifest.resolution, manifest.clips)


def _check_entry(clip: RealClip, path: Path) -> None:
    check_id(clip.id)
    for kind, name in clip.files().items():
        if not name.startswith(clip.id + ".") or Path(name).name != name:  # never a path that leads elsewhere
            raise CacheError(f"{path}: clip {clip.id}: key '{kind}': expected a file named {clip.id}.*, got {name!r}")
        if kind not in clip.sha256:
            raise CacheError(f"{path}: clip {clip.id}: key 'sha256': '{kind}' is missing")
