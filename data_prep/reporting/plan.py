"""What a preparation would do: clips, hours, bytes and time, before anything is spent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from data_prep.datasets.base import DataSet, DownloadedDataSet, Wanted
from data_prep.datasets.jobs import SyntheticJob, VideoJob
from data_prep.datasets.registry import build_data_set
from data_prep.describe import describe_cache, require_assets
from data_prep.reporting.frame_costs import Costs, measure_costs
from data_prep.reporting.status import WAITING, status
from data_prep.resolved import resolve_auto
from lt_bench.config import DataConfig
from lt_bench.conventions import FPS
from lt_bench.data.clip_tensors import LANDMARKS, TRUTH_STATES
from lt_bench.data.format import CacheInfo
from lt_bench.errors import LtBenchError
from lt_bench.media.video import probe_video

HALF, SINGLE = 2, 4
"""Bytes of a stored number."""
SYNTHETIC_POINTS = 10
"""Landmarks of a rendered face."""


@dataclass(frozen=True)
class Plan:
    """Plan of a preparation."""

    clips: int
    """Jobs that can be prepared; each may become several clips, or be rejected."""
    waiting: int
    """Of these, not done yet."""
    missing: dict[str, int]
    """Entries of the list that cannot be prepared even with their videos, by rule."""
    videos_wanted: int
    """Videos elsewhere that the list names; 0 for other data sets."""
    videos_here: int
    download_bytes: int | None
    """Of the videos that are not here, rounded where the list does not tell; None where it tells nothing."""
    seconds: float
    """Of video in the clips that wait, and in those whose videos are to be fetched first."""
    fetched_first: int
    """Clips of a list whose videos are not here; counted in all that follows as if they were."""
    unknown: int
    """Clips of unknown length, because their videos cannot be read."""
    cache_bytes: int
    """Of latents, features and landmarks, if no clip is rejected."""
    export_bytes: int
    """Of the exported splits' videos, by that of the sample."""
    costs: Costs
    workers: int
    estimate: float
    """Seconds if each of ``workers`` processes has its own CPU, without downloads."""


def make_plan(config: DataConfig, workers: int) -> Plan:
    """List the clips and measure the cost of a frame; nothing is written.

    Raises:
        LtBenchError: the list cannot be read, weights are missing, or a setting does not fit.
    """
    resolved = resolve_auto(config)
    data_set = build_data_set(config)
    source = data_set.jobs()
    require_assets(resolved)
    info = describe_cache(resolved, source.hash)
    waiting = {clip.id for clip in status(config).clips if clip.state == WAITING}
    jobs = [job for job in source.jobs if job.id in waiting]
    frames = {job.id: _frames(job) for job in jobs}
    known = {name: count for name, count in frames.items() if count is not None}
    exported = {job.id for job in jobs if job.split in source.exported}
    costs = measure_costs(resolved, [job for job in source.jobs if isinstance(job, VideoJob)])
    coming = data_set.unfetched() if isinstance(data_set, DownloadedDataSet) else []
    clips = [(count, name in exported) for name, count in known.items()]
    clips += [(round(seconds * FPS), split in source.exported) for seconds, split in coming]
    held, frames_in_all = sum(count for count, out in clips if out), sum(count for count, _ in clips)
    work = sum(costs.clip(count, out) for count, out in clips)
    processes = max(1, min(workers, len(jobs) + len(coming)))
    wanted, away = _videos(data_set)
    return Plan(
        clips=len(source.jobs),
        waiting=len(jobs),
        missing=dict(sorted(Counter(clip.rule for clip in source.missing if clip.rule != "unavailable").items())),
        videos_wanted=len(wanted),
        videos_here=len(wanted) - len(away),
        download_bytes=_bytes(away),
        seconds=frames_in_all / FPS,
        fetched_first=len(coming),
        unknown=len(frames) - len(known),
        cache_bytes=frames_in_all * frame_bytes(info),
        export_bytes=round(held * costs.export_bytes),
        costs=costs,
        workers=processes,
        estimate=work / processes,
    )


def frame_bytes(info: CacheInfo) -> int:
    """Bytes of a frame in a clip's file: latents, audio features, landmarks, mouth box, truth."""
    channels, height, width = info.latent_shape
    points = LANDMARKS[info.landmark_set] or SYNTHETIC_POINTS
    truth = TRUTH_STATES if info.landmark_set == "synthetic" else 0
    half = channels * height * width + info.speech.layers * info.speech.dim
    return HALF * half + SINGLE * (2 * points + 4 + truth)


def _frames(job: VideoJob | SyntheticJob) -> int | None:
    if isinstance(job, SyntheticJob):
        return job.spec.frames
    if job.stop is not None:
        return round((job.stop - job.start) * FPS)
    try:
        return round(probe_video(job.path).duration * FPS) or None  # browsers' recordings say 0
    except LtBenchError:
        return None


def _videos(data_set: DataSet) -> tuple[list[Wanted], list[Wanted]]:
    """All videos of the list, and those that are not here."""
    if not isinstance(data_set, DownloadedDataSet):
        return [], []
    wanted = data_set.wanted_videos()
    return wanted, [video for video in wanted if not data_set.is_here(video)]


def _bytes(videos: list[Wanted]) -> int | None:
    sizes = [video.bytes for video in videos if video.bytes is not None]
    return sum(sizes) if len(sizes) == len(videos) else None
