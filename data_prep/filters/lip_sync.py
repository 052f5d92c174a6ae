"""Measures of how many frames the lips of a clip come late or early."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from lt_bench.assets.store import asset_path
from lt_bench.config.data import QualityConfig
from lt_bench.errors import AssetError
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
    """Returns the first frames of the source, whole pictures, up to a number."""


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
        """Measure a clip's lip sync; None if it cannot be measured."""


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


def require_meter(quality: QualityConfig) -> None:
    """Check that what the configured measure needs is here.

    Args:
        quality: with its measure resolved.

    Raises:
        AssetError: names what is missing, and how to do without.
    """
    if quality.max_offset is None:
        return
    without = "or do without the check of lips and voice: quality.max_offset=null"
    try:
        for name in ASSETS[quality.offset_by]:
            asset_path(name)
    except AssetError as error:
        raise AssetError(f"{error}; {without}") from None
    if quality.offset_by == "syncnet" and shutil.which("ffmpeg") is None:
        raise AssetError(f"ffmpeg: expected on PATH, which syncnet-python runs, got none; {without}")
