"""CelebV-HQ: the clips of its list whose videos are here."""

from __future__ import annotations

from functools import cached_property

from data_prep.datasets.base import Wanted, list_with_sizes
from data_prep.datasets.celebv_hq_list import CelebvList, read_celebv_hq
from data_prep.datasets.downloads import youtube
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.jobs import Source, VideoJob
from data_prep.datasets.published_splits import PublishedVideo, assign
from data_prep.datasets.video_list import VideoListDataSet
from data_prep.outcome import Rejected
from lt_bench.conventions import Split
from lt_bench.errors import ConfigError


class CelebvHq(VideoListDataSet):
    """CelebV-HQ; its list names no identities, so a source video is one."""

    terms = (
        "CelebV-HQ (github.com/CelebV-HQ/CelebV-HQ) is for non-commercial research only and may not be passed on: read "
        "and keep its agreement; cite Zhu et al., ECCV 2022. The videos are their owners', on YouTube, under its terms "
        "of service; some are no longer there."
    )

    @cached_property
    def entries(self) -> CelebvList:
        """The content of the list.

        Raises:
            ConfigError: no list is named.
            MediaError: the list is of another form.
        """
        if not self.config.info:
            raise ConfigError("info: expected CelebV-HQ's celebvhq_info.json (--info FILE), got none")
        return read_celebv_hq(self.config.info)

    def wanted_videos(self) -> list[Wanted]:
        """List every source video, once."""
        return [Wanted(name, youtube(name)) for name in sorted({clip.youtube for clip in self.entries.clips})]

    def unfetched(self) -> list[tuple[float, Split]]:
        """List length and split of every clip whose video is not here."""
        homes = self._homes()
        return [
            (clip.stop - clip.start, homes[clip.youtube].split)
            for clip in self.entries.clips
            if self.videos.find(clip.youtube, clip.name) is None
        ]

    def jobs(self) -> Source:
        """List the clips whose videos are here."""
        folder, homes = self.videos, self._homes()
        ids = unique_ids([clip.name for clip in self.entries.clips])
        missing = [Rejected(name, name, f"CelebV-HQ's list: {reason}", "unlisted") for name, reason in self.entries.bad]
        jobs = []
        for clip, clip_id in zip(self.entries.clips, ids, strict=True):
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
        unused = folder.unused((clip.youtube, clip.name) for clip in self.entries.clips)
        return list_with_sizes("celebv-hq", jobs, missing, unused=unused)

    def _homes(self) -> dict[str, PublishedVideo]:
        places = sorted({clip.youtube for clip in self.entries.clips})
        return {video.name: video for video in assign([(place, place, place) for place in places], {})}
