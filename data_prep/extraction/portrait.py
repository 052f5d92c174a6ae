"""Which frame of a real clip is its portrait."""

from __future__ import annotations

import numpy as np

from lt_bench.errors import FaceError
from lt_bench.perception.faces import FaceTrack
from lt_bench.perception.mouth_measures import mouth_opening

CANDIDATES = 10
"""Number of frames with a face from which the portrait is chosen, the first ones."""
BLINKS = (9, 10)  # MediaPipe's eyeBlinkLeft, eyeBlinkRight


def portrait_frame(track: FaceTrack) -> int:
    """The frame with the smallest score among the first ten with a face: frontal, eyes open, mouth rather shut.

    The score adds the sizes of yaw, pitch and roll in radians, the larger of the two blinks (0..1) and the mouth's
    opening in eye distances; the earliest of equal frames wins.

    Raises:
        FaceError: no frame has a face.
    """
    candidates = np.flatnonzero(track.found)[:CANDIDATES]
    if not len(candidates):
        raise FaceError("expected a face, got none in any frame")
    turned = np.abs(track.pose[candidates]).sum(axis=1)
    blink = track.blendshapes[candidates][:, BLINKS].max(axis=1)
    return int(candidates[np.argmin(turned + blink + mouth_opening(track)[candidates])])
