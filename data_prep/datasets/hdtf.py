"""HDTF: the clips of its lists whose videos are here."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path

from data_prep.datasets.base import Wanted, list_with_sizes
from data_prep.datasets.downloads import youtube
from data_prep.datasets.hdtf_lists import HdtfClip, HdtfLists, read_hdtf
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import Source, VideoJob
from data_prep.datasets.published_splits import PublishedVideo, published
from data_prep.datasets.video_list import VideoListDataSet
from data_prep.outcome import Rejected
from lt_bench.conventions import Split

BEST_LINES = 1080
"""Of the picture; more is not fetched."""


class Hdtf(VideoListDataSet):
    """HDTF, with our published identities and splits."""

    terms = (
        "HDTF's lists (github.com/MRzzm/HDTF, commit bbde889) are CC BY 4.0: cite Zhang et al., CVPR 2021. The videos "
        "are their owners', on YouTube, under its terms of service; some are no longer there."
    )

    @cached_property
    def lists(self) -> HdtfLists:
        """The content of the lists."""
        return read_hdtf()

    def wanted_videos(self) -> list[Wanted]:
        """List every video that has clips, at the reference resolution where windows are cropped by it."""
        exact = self.config.crop.method == "window"  # windows are meant for the reference resolution
        return [
            Wanted(video.name, youtube(video.youtube), (exact and video.reference) or BEST_LINES)
            for video in self.lists.videos
            if video.times
        ]

    def unfetched(self) -> list[tuple[float, Split]]:
        """List length and split of every clip whose video is not here."""
        homes, clips = published("hdtf").by_name(), []
        for clip in self.lists.clips:
            video = clip.video
            start, stop = video.times[clip.number]
            if self.videos.find(video.name, video.youtube, clip.name) is None:
                clips.append((float(stop - start), homes[f"{video.group}/{video.name}"].split))
        return clips

    def jobs(self) -> Source:
        """List the clips whose videos are here.

        Raises:
            AssetError: a list is not here.
        """
        folder, homes = self.videos, published("hdtf").by_name()
        missing = _bad_lines(self.lists)
        jobs, sought = [], []
        for clip in self.lists.clips:
            video = clip.video
            sought.append((video.name, video.youtube, clip.name))
            whole, part = folder.find(video.name, video.youtube), folder.find(clip.name)
            if whole is None and part is None:
                reason = folder.reason(video.name, video.youtube, clip.name)
                missing.append(Rejected(clip.name, f"{video.group}/{video.name}", reason, "unavailable"))
            else:
                jobs.append(_job(clip, homes[f"{video.group}/{video.name}"], whole, part))
        return list_with_sizes("hdtf", jobs, missing, unused=folder.unused(sought))


def _job(clip: HdtfClip, home: PublishedVideo, whole: Path | None, part: Path | None) -> VideoJob:
    video, (start, stop) = clip.video, clip.video.times[clip.number]
    if whole is None:
        assert part is not None
        given = dataclasses.replace(clip.given, problem="expected a whole video for the window, got one already cut")
        return VideoJob(clip.name, home.identity, home.split, "clip", part, part.name, given=given)
    source = f"{video.group}/{video.name} {start}-{stop} s"
    return VideoJob(clip.name, home.identity, home.split, "clip", whole, source, start, stop, clip.given)


def _bad_lines(lists: HdtfLists) -> list[Rejected]:
    names = unique_ids([f"{bad.file}.{bad.line}" for bad in lists.bad])
    return [
        Rejected(name, f"{bad.file} line {bad.line}", f"HDTF's list: {bad.text!r}: {bad.reason}", "unlisted")
        for name, bad in zip(names, lists.bad, strict=True)
    ]
