"""Base of data sets that are lists of videos on YouTube: HDTF and CelebV-HQ."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from data_prep.datasets.base import DownloadedDataSet, Progress, Wanted
from data_prep.datasets.downloads import VideoFolder, fetch_videos


class VideoListDataSet(DownloadedDataSet):
    """Videos that yt-dlp downloads; a file may be a whole video or, named like a clip, already cut out of it."""

    @cached_property
    def videos(self) -> VideoFolder:
        """The folder of the videos as it was when first asked for."""
        return VideoFolder(self.video_folder, Path(self.config.cache))

    def is_here(self, wanted: Wanted) -> bool:
        """Whether a video of ``wanted_videos`` is in the folder."""
        return self.videos.find(wanted.name) is not None

    def download(self, progress: Progress | None = None) -> dict[str, str]:
        """Download the missing videos with yt-dlp; see ``fetch_videos``."""
        return fetch_videos(self.wanted_videos(), self.video_folder, progress)
