"""Lip sync by SyncNet (Chung and Zisserman 2016), the network of Sync-C: its whole pipeline on a clip's beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from data_prep.filters.lip_sync import LipSync, Seen, SyncMeter
from data_prep.rules import RejectionError
from lt_bench.assets.store import asset_path
from lt_bench.errors import FaceError, MediaError
from lt_bench.perception.speech.base import SAMPLES_PER_FRAME
from lt_bench.perception.syncnet import MIN_TRACK, S3FD, SYNCNET, SyncNet

FRAMES = 75
"""Frames looked at, as the score ``sync_c`` does: padding makes Sync-C depend on length, and time is 0.2 s a frame."""
MIN_FOLLOWED = 0.8
"""Share of these over which S3FD must follow the face."""


class SyncNetMeter(SyncMeter):
    """S3FD, tracks, crops and SyncNet by syncnet-python; weights as ``SyncNet``.

    Raises:
        AssetError: a file holds other weights.
    """

    name = "syncnet"

    def __init__(self, syncnet: Path, s3fd: Path) -> None:
        self._network = SyncNet(syncnet, s3fd)

    @classmethod
    def build(cls) -> Self:
        """Build the measure from the pinned weights.

        Raises:
            AssetError: they are not here.
        """
        return cls(asset_path(SYNCNET), asset_path(S3FD))

    def measure(self, clip: Seen) -> LipSync | None:
        """Offset and Sync-C; None for clips of 50 frames or fewer, or without a face that S3FD follows.

        Raises:
            RejectionError: the package cannot read the clip.
        """
        if len(clip.track.found) <= MIN_TRACK:
            return None
        shown = clip.frames(FRAMES)
        try:
            reading = self._network.read(shown, clip.audio[: len(shown) * SAMPLES_PER_FRAME])
        except FaceError:
            return None
        except MediaError as error:
            raise RejectionError("unreadable", str(error)) from None
        followed = reading.frames >= MIN_FOLLOWED * len(shown)
        return LipSync(reading.offset, reading.confidence) if followed else None
