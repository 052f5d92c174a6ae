"""Head pose and blinks on the synthetic set, by the probe, against the exact truth.

The voice does not determine the head's pose, so a generator cannot know the true one: the errors tell how far it is,
not how good; ``pose_std_ratio`` compares how much the heads move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError
from lt_bench.evaluation.metrics.motion.head_motion import blinks, pose_spread
from lt_bench.evaluation.metrics.motion.pixel_motion import ratio
from lt_bench.evaluation.metrics.synthetic.probe_track import ProbeVideoMetric, probe_pose, probe_track

EYES_SHUT = 0.5


class _AngleError(ProbeVideoMetric):
    unit = "degrees"
    higher_is_better = False
    reference = "floor"
    source = "mean over the scored frames of |measured - true|; the voice does not determine the pose"
    needs: ClassVar[tuple[Need, ...]] = ("truth",)
    angle: ClassVar[str]

    def score(self, clip: ClipContext) -> float:
        """Error over the scored frames."""
        if clip.truth is None:
            raise UnscorableError("the clip has no truth", fault="reference")
        error = getattr(probe_track(clip.generated), self.angle)[clip.scored] - clip.truth[self.angle][clip.scored]
        return float(np.degrees(np.abs(error.astype(float)).mean()))


@dataclass(frozen=True)
class YawError(_AngleError):
    """Turning of the head."""

    name = "yaw_error"
    title = "mean absolute error of head yaw (probe)"
    angle = "yaw"


@dataclass(frozen=True)
class PitchError(_AngleError):
    """Nodding of the head."""

    name = "pitch_error"
    title = "mean absolute error of head pitch (probe)"
    angle = "pitch"


@dataclass(frozen=True)
class RollError(_AngleError):
    """Leaning of the head."""

    name = "roll_error"
    title = "mean absolute error of head roll (probe)"
    angle = "roll"


@dataclass(frozen=True)
class PoseStdRatio(ProbeVideoMetric):
    """How much the head moves, generated over real: 0 for a stiff neck."""

    name = "pose_std_ratio"
    title = "std of head pose (probe), generated / real"
    target = 1.0
    source = "root mean square of the std of yaw, pitch and roll over the scored frames"

    def score(self, clip: ClipContext) -> float:
        """Ratio of the spreads, both measured by the probe."""
        made, real = (pose_spread(probe_pose(probe_track(video))[clip.scored]) for video in (clip.generated, clip.real))
        return ratio(made, real, "head motion")


@dataclass(frozen=True)
class BlinkRateProbe(ProbeVideoMetric):
    """Blinks per second, generated minus true: negative for eyes that stare."""

    name = "blink_rate_probe"
    title = f"blink rate (probe, shut above {EYES_SHUT}) - true rate"
    unit = "1/s"
    target = 0.0
    reference = "real"
    source = "openings to closings of the measured and of the true blink"
    needs: ClassVar[tuple[Need, ...]] = ("truth",)

    def score(self, clip: ClipContext) -> float:
        """Difference over the scored frames."""
        if clip.truth is None:
            raise UnscorableError("the clip has no truth", fault="reference")
        made, true = (
            values[clip.scored] > EYES_SHUT for values in (probe_track(clip.generated).blink, clip.truth["blink"])
        )
        return (blinks(made) - blinks(true)) * clip.generated.fps / len(true)
