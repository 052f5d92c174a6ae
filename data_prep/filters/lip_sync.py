"""By how many frames the lips of a clip come late or early: what measures it, and which measure a cache uses."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from lt_bench.assets.store import asset_path, has_asset
from lt_bench.config import DataConfig
from lt_bench.data.format import CACHE_FILE, info_from_dict
from lt_bench.errors import AssetError
from lt_bench.files import read_json
from lt_bench.perception.faces import FaceTrack
from lt_bench.perception.speech.moonshine import WEIGHTS as MOONSHINE
from lt_bench.perception.syncnet import S3FD, SYNCNET
from lt_bench.registry import Registry
from lt_bench.shapes import Frames, Waveform

ASSETS = {"lip_sync_open": (MOONSHINE,), "syncnet": (SYNCNET, S3FD)}
"""What each measure needs."""


@dataclass(frozen=True)
class LipSync:
    """How lips and voice go together."""

    offset: int
    """Frames by which the lips come late (positive) or early (negative)."""
    score: float
    """The measure's own: correlation without a shift for ``lip_sync_open``, Sync-C for ``syncnet``."""


@dataclass(frozen=True)
class Seen:
    """A clip, as a measure may look at it."""

    id: str
    audio: Waveform
    """640 samples a frame."""
    track: FaceTrack
    """The speaker's face."""
    frames: Callable[[int], Frames]
    """The first so many frames of the source, whole pictures."""


class SyncMeter(ABC):
    """A measure of lip sync with its networks."""

    name: ClassVar[str]
    """The name that ``QualityConfig.offset_by`` uses."""

    @classmethod
    def build(cls) -> Self:
        """Build the measure.

        Raises:
            AssetError: its weights are not here.
        """
        return cls()

    @abstractmethod
    def measure(self, clip: Seen) -> LipSync | None:
        """Measure a clip's lip sync; None where it cannot be told."""


METERS = Registry(
    "lip sync measure",
    SyncMeter,
    {
        "lip_sync_open": "data_prep.filters.lip_sync_open:OpenMeter",
        "syncnet": "data_prep.filters.lip_sync_syncnet:SyncNetMeter",
    },
)
"""Every measure of lip sync by name."""


def build_meter(name: str) -> SyncMeter:
    """Build a measure by its name in the configuration.

    Raises:
        AssetError: its weights are not here.
    """
    return METERS.get(name, "quality.offset_by").build()


def settle(config: DataConfig) -> DataConfig:
    """Say what ``quality.offset_by: auto`` is: what the cache was begun with; for a new one, SyncNet where it is here.

    Raises:
        CacheError: the cache's header is damaged.
    """
    quality = config.quality
    if config.dataset == "synthetic" or quality.max_offset is None or quality.offset_by != "auto":
        return config
    header = Path(config.cache) / CACHE_FILE
    begun = info_from_dict(read_json(header), header).settings if header.is_file() else {}
    name = begun.get("quality", {}).get("offset_by")
    if name not in ASSETS:
        here = all(has_asset(asset) for asset in ASSETS["syncnet"]) and shutil.which("ffmpeg")
        name = "syncnet" if here else "lip_sync_open"
    return replace(config, quality=replace(quality, offset_by=name))


def require_meter(config: DataConfig) -> None:
    """Check that what a settled configuration's measure needs is here.

    Raises:
        AssetError: names what is missing, and how to do without.
    """
    if config.quality.max_offset is None:
        return
    without = "or do without the check of lips and voice: quality.max_offset=null"
    try:
        for name in ASSETS[config.quality.offset_by]:
            asset_path(name)
    except AssetError as error:
        raise AssetError(f"{error}; {without}") from None
    if config.quality.offset_by == "syncnet" and shutil.which("ffmpeg") is None:
        raise AssetError(f"ffmpeg: expected on PATH, which syncnet-python runs, got none; {without}")
