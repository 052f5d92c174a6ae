"""Jobs of data sets that are lists of videos elsewhere: HDTF and CelebV-HQ."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data_prep.datasets import celebv_hq, hdtf
from data_prep.datasets.celebv_hq import Celebv, read_celebv_hq
from data_prep.datasets.downloads import Unused, VideoFolder, Wanted, youtube
from data_prep.datasets.hdtf import Hdtf, HdtfClip, read_hdtf
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import FILMED_RULES, Source, VideoJob
from data_prep.datasets.published_splits import PublishedVideo, assign, published
from data_prep.outcome import Rejected
from lt_bench.config import DataConfig
from lt_bench.conventions import HELD_OUT, Split
from lt_bench.errors import ConfigError
from lt_bench.files import sha256_json

BEST_LINES = 1080
"""Of the picture; more is not fetched."""
EXPORTED = HELD_OUT
"""Splits whose real videos are exported; nothing is scored on the large train split."""
TERMS = {"hdtf": hdtf.TERMS, "celebv-hq": celebv_hq.TERMS}
"""Licence and terms, to be read before videos are fetched."""


def video_folder(config: DataConfig) -> Path:
    """Where the videos are."""
    return Path(config.videos) if config.videos else Path(config.cache).parent / f"{config.dataset}-videos"


def _open_folder(config: DataConfig) -> VideoFolder:
    return VideoFolder(video_folder(config), Path(config.cache))


def wanted_videos(config: DataConfig) -> list[Wanted]:
    """Every video of the configured list, once.

    Raises:
        LtBenchError: the list is missing or damaged.
    """
    if config.dataset == "hdtf":
        exact = config.crop.method == "window"  # windows are meant for the reference resolution
        return [
            Wanted(video.name, youtube(video.youtube), (exact and video.reference) or BEST_LINES)
            for video in read_hdtf().videos
            if video.times
        ]
    return [Wanted(name, youtube(name)) for name in sorted({clip.youtube for clip in _celebv(config).clips})]


def unfetched(config: DataConfig) -> list[tuple[float, Split]]:
    """Length in seconds and split of every clip of the configured list whose video is not here.

    Raises:
        LtBenchError: the list is missing or damaged.
    """
    folder = _open_folder(config)
    if config.dataset == "hdtf":
        homes = published("hdtf").by_name()
        clips = [
            (clip.name, clip.video.name, clip.video.youtube, *clip.video.times[clip.number], clip.video.group)
            for clip in read_hdtf().clips
        ]
        return [
            (stop - start, homes[f"{group}/{video}"].split)
            for name, video, address, start, stop, group in clips
            if folder.find(video, address, name) is None
        ]
    lists = _celebv(config)
    places = _celebv_homes(lists)
    return [
        (clip.stop - clip.start, places[clip.youtube].split)
        for clip in lists.clips
        if folder.find(clip.youtube, clip.name) is None
    ]


def hdtf_source(config: DataConfig) -> Source:
    """HDTF's clips whose videos are here; a file may be a whole video or, named like a clip, already cut out of it.

    Identities and splits are those that we publish.

    Raises:
        AssetError: a list is not here.
    """
    lists, folder, homes = read_hdtf(), _open_folder(config), published("hdtf").by_name()
    missing = _bad_lines(lists)
    jobs, sought = [], []
    for clip in lists.clips:
        video = clip.video
        whole, part = folder.find(video.name, video.youtube), folder.find(clip.name)
        sought.append((video.name, video.youtube, clip.name))
        if whole is None and part is None:
            reason = folder.reason(video.name, video.youtube, clip.name)
            missing.append(Rejected(clip.name, f"{video.group}/{video.name}", reason, "unavailable"))
        else:
            jobs.append(_hdtf_job(clip, homes[f"{video.group}/{video.name}"], whole, part))
    return _source(config, jobs, missing, folder.unused(sought))


def celebv_hq_source(config: DataConfig) -> Source:
    """CelebV-HQ's clips whose videos are here; a file may be a whole video or, named like a clip, already cut out.

    The list names no identities: a source video is one.

    Raises:
        ConfigError: no list is named.
        MediaError: the list is of another form.
    """
    lists, folder = _celebv(config), _open_folder(config)
    homes = _celebv_homes(lists)
    ids = unique_ids([clip.name for clip in lists.clips])
    missing = [Rejected(name, name, f"CelebV-HQ's list: {reason}", "unlisted") for name, reason in lists.bad]
    jobs = []
    for clip, clip_id in zip(lists.clips, ids, strict=True):
        whole, part = folder.find(clip.youtube), folder.find(clip.name)
        home = homes[clip.youtube]
        if whole is not None:
            source = f"{clip.youtube} {clip.start:g}-{clip.stop:g} s"
            span = {"start": clip.start, "stop": clip.stop, "region": clip.box}
            jobs.append(VideoJob(clip_id, home.identity, home.split, "clip", whole, source, **span))
        elif part is not None:
            jobs.append(VideoJob(clip_id, home.identity, home.split, "clip", part, part.name))
        else:
            missing.append(Rejected(clip_id, clip.youtube, folder.reason(clip.youtube, clip.name), "unavailable"))
    unused = folder.unused((clip.youtube, clip.name) for clip in lists.clips)
    return _source(config, jobs, missing, unused)


def _hdtf_job(clip: HdtfClip, home: PublishedVideo, whole: Path | None, part: Path | None) -> VideoJob:
    video, (start, stop) = clip.video, clip.video.times[clip.number]
    if whole is None:
        assert part is not None
        given = dataclasses.replace(clip.given, problem="expected a whole video for the window, got one already cut")
        return VideoJob(clip.name, home.identity, home.split, "clip", part, part.name, given=given)
    source = f"{video.group}/{video.name} {start}-{stop} s"
    return VideoJob(clip.name, home.identity, home.split, "clip", whole, source, start, stop, clip.given)


def _bad_lines(lists: Hdtf) -> list[Rejected]:
    names = unique_ids([f"{bad.file}.{bad.line}" for bad in lists.bad])
    return [
        Rejected(name, f"{bad.file} line {bad.line}", f"HDTF's list: {bad.text!r}: {bad.reason}", "unlisted")
        for name, bad in zip(names, lists.bad, strict=True)
    ]


def _celebv(config: DataConfig) -> Celebv:
    if not config.info:
        raise ConfigError("info: expected CelebV-HQ's celebvhq_info.json (--info FILE), got none")
    return read_celebv_hq(config.info)


def _celebv_homes(lists: Celebv) -> dict[str, PublishedVideo]:
    places = sorted({clip.youtube for clip in lists.clips})
    return {video.name: video for video in assign([(place, place, place) for place in places], {})}


def _source(
    config: DataConfig, jobs: Sequence[VideoJob], missing: Sequence[Rejected], unused: Sequence[Unused]
) -> Source:
    taken = [clip.id for clip in (*jobs, *missing)]
    ids = unique_ids([*taken, *(entry.name for entry in unused)])[len(taken) :]
    others = [Rejected(name, one.name, one.reason, one.rule) for name, one in zip(ids, unused, strict=True)]
    jobs = with_galleries(jobs)
    listed = [{**dataclasses.asdict(job), "path": job.path.stat().st_size} for job in jobs]
    missing = sorted(missing, key=lambda clip: clip.rule != "unavailable")
    return Source(config.dataset, tuple(jobs), sha256_json([FILMED_RULES, listed]), EXPORTED, (*missing, *others))


def with_galleries(jobs: Sequence[VideoJob]) -> list[VideoJob]:
    """In the held-out splits, the last of an identity's several jobs becomes its gallery."""
    left = Counter(job.identity for job in jobs)
    several = {identity for identity, count in left.items() if count > 1}
    result = []
    for job in jobs:
        left[job.identity] -= 1
        last = job.split != "train" and job.identity in several and not left[job.identity]
        result.append(dataclasses.replace(job, role="gallery" if last else "clip"))
    return result
