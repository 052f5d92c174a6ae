"""Distance of landmarks to those of the real video (LMD), in units of the distance between the eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric
from lt_bench.perception.faces import landmarker_hash
from lt_bench.perception.mouth_measures import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

MIN_FOUND = 0.8
FACE = tuple(range(468))
"""All of MediaPipe's points but the irises."""
LIPS = (*OUTER_LIPS, *INNER_LIPS)
SOURCE = "after Chen et al. 2018, Lip movements generation at a glance; over the real face's distance of eye corners"


def landmark_distance(
    generated: Float[ndarray, "F K 2"], real: Float[ndarray, "F K 2"], eyes: Float[ndarray, " F"], centred: bool
) -> float:
    """Mean over points and frames of the distance, over the mean distance of the eyes.

    Args:
        generated: x, y in pixels.
        real: the same points of the real video, in pixels of frames of the same size.
        eyes: distance of the outer eye corners of the real face.
        centred: without the points' mean of each frame, so that where the head is does not matter.
    """
    a, b = np.asarray(generated, np.float64), np.asarray(real, np.float64)
    if centred:
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return float(np.linalg.norm(a - b, axis=-1).mean() / np.mean(eyes))


class _LandmarkDistance(VideoMetric):
    unit = "of eye distance"
    higher_is_better = False
    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces",)
    points: ClassVar[tuple[int, ...]]
    centred: ClassVar[bool]

    @property
    def detector(self) -> str:
        """Hash of the landmarker."""
        return landmarker_hash()

    def score(self, clip: ClipContext) -> float:
        """Mean over the scored frames with a face in both videos."""
        both = faces_in_both(clip)
        made, real = (video.faces.landmarks[clip.scored][both][..., :2] for video in (clip.generated, clip.real))
        eyes = np.linalg.norm(real[:, LEFT_EYE] - real[:, RIGHT_EYE], axis=-1)
        return landmark_distance(made[:, list(self.points)], real[:, list(self.points)], eyes, self.centred)


@dataclass(frozen=True)
class LmdLips(_LandmarkDistance):
    """Shape of the lips, independent of the head's position; rotation of the head still has an effect."""

    name = "lmd_lips"
    title = f"landmark distance of {len(LIPS)} lip points (MediaPipe), each frame's mean taken out"
    points = LIPS
    centred = True


@dataclass(frozen=True)
class LmdFace(_LandmarkDistance):
    """Position of the whole face; includes motion that the voice does not determine, such as the head's."""

    name = "lmd_face"
    title = f"landmark distance of {len(FACE)} face points (MediaPipe), in place"
    points = FACE
    centred = False


def faces_in_both(clip: ClipContext) -> Bool[ndarray, " F"]:
    """Scored frames with a face in both videos.

    Raises:
        UnscorableError: they are too few.
    """
    real = clip.real.faces.found[clip.scored]
    both = clip.generated.faces.found[clip.scored] & real
    if both.mean() < MIN_FOUND:
        raise UnscorableError(
            f"{clip.id}: expected a face in both videos in {MIN_FOUND:.0%} of scored frames or more, "
            f"got {both.mean():.0%}",
            fault="reference" if real.mean() < MIN_FOUND else "generated",
        )
    return both
