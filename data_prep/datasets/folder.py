"""A folder of the user's own videos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data_prep.datasets.base import DataSet, with_galleries
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import FILMED_RULES, Source, VideoJob
from data_prep.datasets.splits import split_identities
from data_prep.outcome import Rejected
from lt_bench.conventions import SPLITS, Split
from lt_bench.errors import ConfigError, MediaError
from lt_bench.files import printable, sha256_json
from lt_bench.media.video_files import VIDEO_SUFFIXES, find_videos


class Folder(DataSet):
    """Every video below ``folder``."""

    def jobs(self) -> Source:
        """List the videos; see ``folder_source``."""
        return folder_source(self.config.folder, _earlier_splits(self.config.splits_of), Path(self.config.cache))


def folder_source(folder: str, pinned: Mapping[str, Split] | None = None, cache: Path | None = None) -> Source:
    """List every video below a folder, hidden ones aside, in the order of their paths; links are followed.

    All other entries are listed as missing, each with the reason why it is no video.

    A video in a subfolder belongs to the identity of that name (the first folder of its path); a video that lies
    directly in the folder is an identity of its own. In the held-out splits the last of an identity's several videos
    is its gallery. The list's hash covers paths and sizes, not contents, so that terabytes need not be read twice.

    Args:
        folder: of the videos.
        pinned: splits of identities of an earlier cache, which they keep.
        cache: folder that is prepared of it, which is not looked into.

    Raises:
        ConfigError: no folder is named.
        MediaError: it is no folder, or holds no video.
    """
    if not folder:
        raise ConfigError("folder: expected the folder of videos (--folder DIR), got none")
    root = Path(folder)
    if not root.is_dir():
        raise MediaError(f"{root}: expected a folder of videos, got no folder")
    found = find_videos(root, cache)
    names = found.videos
    if not names:
        seen = "".join(f"; {name}: {reason}" for name, reason in list(found.unused.items())[:1])
        raise MediaError(f"{root}: expected videos ({', '.join(VIDEO_SUFFIXES)}), got none{seen}")
    labels = [str(name.with_suffix("")) for name in names]
    ids = unique_ids([*labels, *found.unused])
    others = [
        Rejected(clip_id, name, reason, "not_video")
        for clip_id, (name, reason) in zip(ids[len(names) :], found.unused.items(), strict=True)
    ]
    ids = ids[: len(names)]
    identities = [printable(n.parts[0]) if len(n.parts) > 1 else clip_id for n, clip_id in zip(names, ids, strict=True)]
    splits = split_identities(identities, pinned=pinned)
    jobs = with_galleries(
        [
            VideoJob(clip_id, identity, splits[identity], "clip", (root / name).resolve(), printable(name.as_posix()))
            for name, clip_id, identity in zip(names, ids, identities, strict=True)
        ]
    )
    listed = [[job.id, job.identity, job.split, job.source, job.path.stat().st_size] for job in jobs]
    return Source("folder", tuple(jobs), sha256_json([FILMED_RULES, listed]), SPLITS, tuple(others))


def _earlier_splits(cache: str) -> dict[str, Split]:
    if not cache:
        return {}
    from lt_bench.data.cache import LatentCache  # imports torch, which the list of clips does without

    return {record.identity: record.split for record in LatentCache.open(cache).records()}
