"""Sync-C, Sync-D (LSE-C, LSE-D) and the offset, by SyncNet, on videos of one fixed length."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.conventions import FPS
from lt_bench.errors import Fault
from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric, VideoView
from lt_bench.evaluation.metrics.lip_sync.voiced_audio import voice_of
from lt_bench.files import sha256_json
from lt_bench.perception.device import kept_network
from lt_bench.perception.syncnet import (
    CROP_SCALE,
    DETECTION_SCALE,
    MIN_FACE,
    S3FD,
    SHIFT,
    SYNCNET,
    SyncNet,
    SyncReading,
)

MIN_FOLLOWED = 0.8
"""Share of the frames over which the face must be followed."""
CROPS = {
    "face": f"S3FD at scale {DETECTION_SCALE}, longest track, crop scale {CROP_SCALE}, 224 px",
    "whole": "whole frames resized to 224 px, no face looked for",
}


class _Sync(VideoMetric):
    """What the three scores share."""

    source = "Chung and Zisserman 2016, Out of time; Prajwal et al. 2020, arXiv 2008.10010; package syncnet-python"
    needs: ClassVar[tuple[Need, ...]] = ("audio",)
    assets: ClassVar[tuple[str, ...]] = (SYNCNET, S3FD)
    frames: int
    crop: Literal["face", "whole"]

    def __post_init__(self) -> None:
        if self.frames < 0 or 0 < self.frames <= 2 * SHIFT:
            raise ValueError(f"frames: expected 0 or more than {2 * SHIFT}, got {self.frames}")

    @property
    def detector(self) -> str:
        """Hash of both networks and the settings."""
        from lt_bench.assets.table import asset

        return sha256_json([asset(SYNCNET).sha256, asset(S3FD).sha256, CROPS[self.crop], MIN_FACE, SHIFT])

    @property
    def detail(self) -> str:
        """Network, crop and length."""
        length = f"first {self.frames} scored frames" if self.frames else "each video's own length"
        return f"SyncNet v2, {CROPS[self.crop]}, {length} at {FPS} fps, shifts of +-{SHIFT}"

    def unavailable(self) -> str | None:
        """Programs that the package runs, always from PATH."""
        found = super().unavailable()
        if found is None and self.crop == "face" and shutil.which("ffmpeg") is None:
            return "ffmpeg: expected on PATH, which syncnet-python runs, got none"
        return found

    def read(self, clip: ClipContext) -> SyncReading:
        """SyncNet's reading, made once for the three scores."""
        video, first = clip.generated, clip.first_frame
        key = f"sync {self.detector} from {first} frames {self.frames}"
        too_short = clip.fault_of_length(first + max(self.frames, 1))
        found = video.features(key, lambda: _measured(video, first, self.frames, self.crop, too_short))["reading"]
        return SyncReading(float(found[0]), float(found[1]), int(found[2]), int(found[3]))


@dataclass(frozen=True)
class SyncC(_Sync):
    """Confidence that lips and voice belong together at some shift. Real videos of one set differ by 2: see theirs."""

    name = "sync_c"
    title = "Sync-C (LSE-C)"
    higher_is_better = True
    reference = "ceiling"

    frames: int = 75
    """Number of scored frames to which videos are cut, because padding makes the value depend on length; 0: no cut."""
    crop: Literal["face", "whole"] = "face"
    """What of the picture SyncNet sees."""

    def score(self, clip: ClipContext) -> float:
        """Median minus least distance."""
        return self.read(clip).confidence


@dataclass(frozen=True)
class SyncD(_Sync):
    """Distance of lips and voice at the best shift."""

    name = "sync_d"
    title = "Sync-D (LSE-D)"
    higher_is_better = False
    reference = "floor"

    frames: int = 75
    """As ``sync_c``."""
    crop: Literal["face", "whole"] = "face"
    """As ``sync_c``."""

    def score(self, clip: ClipContext) -> float:
        """Least distance."""
        return self.read(clip).distance


@dataclass(frozen=True)
class SyncOffset(_Sync):
    """By how many frames the lips come late (positive) or early (negative); chance where ``sync_c`` is low."""

    name = "sync_offset"
    title = "SyncNet offset, median"
    unit = "frames"
    target = 0.0
    aggregate = "median"
    reference = "real"

    frames: int = 75
    """As ``sync_c``."""
    crop: Literal["face", "whole"] = "face"
    """As ``sync_c``."""

    def score(self, clip: ClipContext) -> float:
        """The shift."""
        return float(self.read(clip).offset)


def _measured(
    video: VideoView, first: int, frames: int, crop: Literal["face", "whole"], too_short: Fault
) -> dict[str, np.ndarray]:
    if video.fps != FPS:
        raise UnscorableError(f"SyncNet: expected a protocol of {FPS} fps, got {video.fps:g}", fault="environment")
    shown = video.frames[first : first + frames] if frames else video.frames[first:]
    if len(shown) < max(frames, 1):
        raise UnscorableError(
            f"{video.label}: expected {frames} scored frames for SyncNet, got {len(shown)}", fault=too_short
        )
    sound = voice_of(video, first, len(shown))
    reading = _pinned().read(shown, sound) if crop == "face" else _pinned().read_whole(shown, sound)
    if reading.frames < MIN_FOLLOWED * len(shown):
        raise UnscorableError(
            f"{video.label}: expected one face followed over {MIN_FOLLOWED:.0%} of {len(shown)} frames, "
            f"got {reading.frames}"
        )
    values = [reading.confidence, reading.distance, reading.offset, reading.frames]
    return {"reading": np.array(values, np.float64)}


@kept_network
def _pinned() -> SyncNet:
    return SyncNet(asset_path(SYNCNET), asset_path(S3FD))
