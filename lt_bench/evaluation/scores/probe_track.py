"""What the probe network measures on a video of the synthetic set, once a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.evaluation.scores.base import PerVideoScore, Score, VideoView

MEASURES = ("opening", "width", "rounding", "blink", "yaw", "pitch", "roll")


@dataclass(frozen=True)
class ProbeTrack:
    """Measures per frame in the units of the truth, and an embedding of who it is."""

    opening: Float32[ndarray, " F"]
    width: Float32[ndarray, " F"]
    rounding: Float32[ndarray, " F"]
    blink: Float32[ndarray, " F"]
    yaw: Float32[ndarray, " F"]
    pitch: Float32[ndarray, " F"]
    roll: Float32[ndarray, " F"]
    embedding: Float32[ndarray, "F D"]

    @property
    def pose(self) -> Float32[ndarray, "F 3"]:
        """Yaw, pitch, roll in radians."""
        return np.stack([self.yaw, self.pitch, self.roll], axis=1)


class ProbeScore(Score):
    """A score that rests on the probe."""

    @property
    def detector(self) -> str:
        """Hash of the probe."""
        return probe_hash()


class ProbeVideoScore(ProbeScore, PerVideoScore):
    """A score a video that rests on the probe."""


def probe_track(video: VideoView) -> ProbeTrack:
    """Run the probe over all frames of a video, or take what is known of it."""
    return ProbeTrack(**video.features(f"probe {probe_hash()}", lambda: _run(video)))


def probe_hash() -> str:
    """Hash of the probe's weights and preprocessing."""
    from lt_bench.evaluation.scores.probe import probe_hash as of

    return of()


def _run(video: VideoView) -> dict[str, ndarray]:
    from lt_bench.evaluation.scores.probe import probe_frames

    found = probe_frames(video.frames)
    names = (*MEASURES, "embedding")
    return {name: np.asarray(getattr(found, name), np.float32) for name in names}
