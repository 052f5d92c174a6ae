"""What the probe network reads off a video of the synthetic set, once a video."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.evaluation.metrics.base import Metric, VideoMetric, VideoView
from lt_bench.evaluation.metrics.synthetic.probe import PROBE_SHA256, probe_frames, probe_weights
from lt_bench.evaluation.metrics.synthetic.probe_readings import ProbeReadings


class ProbeMetric(Metric):
    """A score that rests on the probe."""

    @property
    def detector(self) -> str:
        """Hash of the probe's weights."""
        return PROBE_SHA256

    def unavailable(self) -> str | None:
        """Without its weights the package is not whole."""
        probe_weights()
        return super().unavailable()


class ProbeVideoMetric(ProbeMetric, VideoMetric):
    """A score a video that rests on the probe."""


def probe_track(video: VideoView) -> ProbeReadings:
    """The readings of all frames of a video, taken once.

    Raises:
        MediaError: its frames are not square.
    """
    return ProbeReadings(**video.features(f"probe {PROBE_SHA256}", lambda: dict(vars(probe_frames(video.frames)))))


def probe_pose(track: ProbeReadings) -> Float32[ndarray, "F 3"]:
    """Yaw, pitch, roll in radians."""
    return np.stack([track.yaw, track.pitch, track.roll], axis=1)
