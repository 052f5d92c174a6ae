"""Liveliness of the head and the eyes, against the real video, from MediaPipe's face track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric, VideoView
from lt_bench.evaluation.metrics.motion.pixel_motion import ratio
from lt_bench.perception.faces import landmarker_hash

EYES_SHUT = 0.5
"""Mean of the two eyes' blink blendshapes above which they count as shut."""
BLINKS = (9, 10)
"""Places of eyeBlinkLeft and eyeBlinkRight among MediaPipe's 52 blendshapes."""
MIN_FOUND = 0.8


def pose_spread(pose: Float[ndarray, "F 3"]) -> float:
    """Root mean square over yaw, pitch and roll of their standard deviations over time, in radians."""
    return float(np.sqrt(np.mean(np.var(np.asarray(pose, float), axis=0))))


def blinks(shut: Bool[ndarray, " F"]) -> int:
    """How often the eyes go from open to shut."""
    return int(np.count_nonzero(shut[1:] & ~shut[:-1]))


@dataclass(frozen=True)
class HeadMotionRatio(VideoMetric):
    """Spread of the head's pose, generated over real: 0 for a stiff neck."""

    name = "head_motion_ratio"
    title = "std of head pose (MediaPipe), generated / real"
    target = 1.0
    source = "root mean square of the std of yaw, pitch and roll"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Ratio over the scored frames with a face."""
        made, real = (
            pose_spread(video.faces.pose[clip.scored][found_faces(video, clip)])
            for video in (clip.generated, clip.real)
        )
        return ratio(made, real, "head motion")


@dataclass(frozen=True)
class HeadPoseDiversity(VideoMetric):
    """Spread of the head's pose, to compare with that of the real videos; more is not better."""

    name = "head_pose_diversity"
    title = "std of head pose (MediaPipe)"
    unit = "degrees"
    reference = "real"
    source = "root mean square of the std of yaw, pitch and roll"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Spread over the scored frames with a face."""
        return float(np.degrees(_spread(clip.generated, clip)))


@dataclass(frozen=True)
class BlinkRateDifference(VideoMetric):
    """Blinks per second, generated minus real: negative for eyes that stare."""

    name = "blink_rate_difference"
    title = f"blink rate (MediaPipe, shut above {EYES_SHUT}), generated - real"
    unit = "1/s"
    target = 0.0
    source = "openings to closings of the mean blink blendshape"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Difference over the scored frames with a face."""
        return blink_rate(clip.generated, clip) - blink_rate(clip.real, clip)


@dataclass(frozen=True)
class BlinkRate(VideoMetric):
    """Blinks per second, to compare with those of the real videos."""

    name = "blink_rate"
    title = f"blink rate (MediaPipe, shut above {EYES_SHUT})"
    unit = "1/s"
    reference = "real"
    source = "openings to closings of the mean blink blendshape"
    needs: ClassVar[tuple[Need, ...]] = ("faces",)

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Rate over the scored frames with a face."""
        return blink_rate(clip.generated, clip)


def _spread(video: VideoView, clip: ClipContext) -> float:
    return pose_spread(video.faces.pose[clip.scored][found_faces(video, clip)])


def blink_rate(video: VideoView, clip: ClipContext) -> float:
    """Blinks per second over the scored frames with a face."""
    found = found_faces(video, clip)
    shut = video.faces.blendshapes[clip.scored][found][:, BLINKS].mean(axis=1) > EYES_SHUT
    return blinks(shut) * video.fps / len(shut)


def found_faces(video: VideoView, clip: ClipContext) -> Bool[ndarray, " F"]:
    """Scored frames with a face.

    Raises:
        UnscorableError: they are too few.
    """
    found = video.faces.found[clip.scored]
    if found.mean() < MIN_FOUND:
        raise UnscorableError(
            f"{video.label}: expected a face in {MIN_FOUND:.0%} of scored frames or more, got {found.mean():.0%}",
            fault=video.fault,
        )
    return found
