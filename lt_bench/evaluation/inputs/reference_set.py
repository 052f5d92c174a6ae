"""The reference set of a comparison: a real set with its manifest, or any folder of videos."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.conventions import MANIFEST_FILE
from lt_bench.data.real_set import read_real_set
from lt_bench.errors import ResultError
from lt_bench.files import printable, sha256_file, sha256_json
from lt_bench.media.video import probe_video
from lt_bench.media.video_files import find_videos


@dataclass(frozen=True)
class ReferenceVideo:
    """One reference video with its portrait and ground truth."""

    id: str
    identity: str
    video: Path
    portrait: Path | None = None
    """None: the video's first frame."""
    truth: Path | None = None
    sha256: dict[str, str] = field(default_factory=dict)
    """As the manifest has it, by kind of file; without a manifest of the video alone."""


@dataclass(frozen=True)
class ReferenceSet:
    """The reference videos and their gallery."""

    folder: Path
    dataset: str
    split: str
    clips: tuple[ReferenceVideo, ...]
    """To be scored, sorted by id."""
    gallery: dict[str, ReferenceVideo]
    """By identity, another take of it."""
    resolution: int | None
    """Side of the square frames, in pixels; None where no manifest says it."""
    manifest_hash: str | None
    """The hash that the manifest states; None without one."""
    unused: dict[str, str] = field(default_factory=dict)
    """What else lies in the folder, by path, with the reason why it is not used; empty with a manifest."""

    @property
    def hash(self) -> str:
        """SHA-256 over ids, identities, roles and the bytes of all files."""
        rows = [["clip", c.id, c.identity, c.sha256] for c in self.clips]
        return sha256_json(sorted([*rows, *(["gallery", c.id, c.identity, c.sha256] for c in self.gallery.values())]))

    @property
    def has_truth(self) -> bool:
        """Whether every clip has its exact states."""
        return all(clip.truth is not None for clip in self.clips)

    def size(self, side: int) -> tuple[int, int]:
        """Width and height at which frames are scored, for a protocol's ``side``.

        Raises:
            ResultError: ``side`` is 0 and the real videos are of several sizes.
        """
        square = side or self.resolution
        if square:
            return square, square
        sizes = {}
        for clip in self.clips:
            info = probe_video(clip.video)
            sizes.setdefault((info.width, info.height), clip.id)
        if len(sizes) > 1:
            listed = " and ".join(f"{w}x{h} ({name})" for (w, h), name in list(sizes.items())[:2])
            raise ResultError(
                f"{self.folder}: expected real videos of one size under this protocol, got {listed}; scale them alike, "
                "or take a protocol with a size of its own"
            )
        return next(iter(sizes))

    def other_identities(self) -> dict[str, ReferenceVideo]:
        """For each clip id, a clip of another identity: a fixed derangement, for controls.

        Identities in sorted order take the next one's clips, the last takes the first's; within them clips go by sorted
        id, round and round. Empty with fewer than two identities.
        """
        by_identity: dict[str, list[ReferenceVideo]] = {}
        for clip in sorted(self.clips, key=lambda c: (c.identity, c.id)):
            by_identity.setdefault(clip.identity, []).append(clip)
        names = list(by_identity)
        if len(names) < 2:
            return {}
        following = dict(zip(names, [*names[1:], names[0]], strict=True))
        return {
            clip.id: by_identity[following[name]][index % len(by_identity[following[name]])]
            for name in names
            for index, clip in enumerate(by_identity[name])
        }


def open_reference_set(folder: str | os.PathLike[str]) -> ReferenceSet:
    """Read a folder without opening its videos; without a manifest every video below it is its own identity.

    Raises:
        CacheError: a damaged manifest.
        ResultError: no folder, or no video to compare with.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ResultError(f"{path}: expected a folder of real videos, got {'a file' if path.exists() else 'nothing'}")
    found = _with_manifest(path) if (path / MANIFEST_FILE).is_file() else _plain(path)
    if not found.clips:
        raise ResultError(f"{path}: expected at least one real video, got none")
    return found


def _with_manifest(folder: Path) -> ReferenceSet:
    real = read_real_set(folder)
    videos = {"clip": [], "gallery": []}
    for clip in real.clips:
        truth = folder / clip.truth if clip.truth else None
        entry = ReferenceVideo(clip.id, clip.identity, folder / clip.video, folder / clip.portrait, truth, clip.sha256)
        videos[clip.role].append(entry)
    gallery = {v.identity: v for v in sorted(videos["gallery"], key=lambda v: v.id, reverse=True)}
    clips = tuple(sorted(videos["clip"], key=lambda v: v.id))
    return ReferenceSet(folder, real.dataset, real.split, clips, gallery, real.resolution, real.hash)


def _plain(folder: Path) -> ReferenceSet:
    found, clips = find_videos(folder), []
    for name, paths in found.by_name().items():
        if len(paths) > 1:
            raise ResultError(
                f"{folder}: expected one real video '{name}', got {paths[0].name} and {paths[1].name}; remove one"
            )
        video = folder / paths[0]
        clips.append(ReferenceVideo(name, name, video, sha256={"video": sha256_file(video)}))
    name = printable(folder.resolve().name)
    return ReferenceSet(folder, name, "", tuple(sorted(clips, key=lambda c: c.id)), {}, None, None, found.unused)
