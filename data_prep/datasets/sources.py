"""From a data configuration to the list of clips."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from data_prep.datasets.grid_sample import grid_sample
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import FILMED_RULES, RULES, Source, SyntheticJob, VideoJob
from data_prep.datasets.listed import celebv_hq_source, hdtf_source, with_galleries
from data_prep.datasets.splits import split_identities
from data_prep.outcome import Rejected
from data_prep.synthetic.dataset import synthetic_clips
from lt_bench.config import DataConfig
from lt_bench.conventions import HELD_OUT, SPLITS, Split
from lt_bench.errors import ConfigError, MediaError
from lt_bench.files import printable, sha256_json
from lt_bench.media.video_files import VIDEO_SUFFIXES, find_videos


def list_source(config: DataConfig) -> Source:
    """The clips of the configured data set.

    Raises:
        ConfigError: a key does not fit the data set.
        AssetError: grid-sample's videos are not here.
        MediaError: the folder holds no video.
    """
    if config.dataset == "synthetic":
        return synthetic_source(config)
    if config.dataset == "grid-sample":
        return grid_sample()
    if config.dataset == "hdtf":
        return hdtf_source(config)
    if config.dataset == "celebv-hq":
        return celebv_hq_source(config)
    return folder_source(config.folder, _earlier_splits(config.splits_of), Path(config.cache))


def synthetic_source(config: DataConfig) -> Source:
    """The embedded set; its train split is not exported, for nothing is scored on it."""
    jobs = tuple(SyntheticJob(spec) for spec in synthetic_clips(config.synthetic, config.resolution))
    return Source(
        dataset="synthetic",
        jobs=jobs,
        hash=sha256_json([RULES, config.resolution, [dataclasses.asdict(job.spec) for job in jobs]]),
        exported=HELD_OUT,
    )


def folder_source(folder: str, pinned: Mapping[str, Split] | None = None, cache: Path | None = None) -> Source:
    """Every video below a folder, hidden ones aside, in the order of their paths; links are followed.

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
