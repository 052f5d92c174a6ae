"""By how many frames the lips of a clip come late or early: the evaluation's ``lip_sync_open``, on the material."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lt_bench.evaluation.clip import UnscorableError
from lt_bench.evaluation.scores.lip_sync_model import (
    MAX_SHIFT,
    MIN_FRAMES,
    TRIM,
    load_speech_to_mouth,
    standardise,
    sync_curve,
)
from lt_bench.perception.faces import FaceTrack
from lt_bench.perception.mouth import mouth_measures
from lt_bench.perception.speech.moonshine import WEIGHTS, MoonshineEncoder
from lt_bench.shapes import Waveform

ASSET = WEIGHTS


@dataclass(frozen=True)
class LipSync:
    """How lips and voice go together."""

    offset: int
    """Frames by which the lips come late (positive) or early (negative)."""
    score: float
    """Correlation of the mouth with what the voice lets expect, without a shift."""


class LipSyncMeter:
    """Moonshine's features, a ridge regression to mouth measures, correlation at every shift."""

    def __init__(self) -> None:
        self._speech = MoonshineEncoder()
        self._model = load_speech_to_mouth()

    def measure(self, clip_id: str, audio: Waveform, track: FaceTrack) -> LipSync | None:
        """The clip's lip sync; None where there are too few frames with a face, or a mouth that never moves.

        Args:
            clip_id: a clip of grid-sample is judged by a fit without its speaker.
            audio: 640 samples a frame.
            track: the speaker's face.
        """
        frames = len(track.found)
        inner = slice(TRIM, frames - TRIM)
        if track.found.sum() < MIN_FRAMES or np.count_nonzero(track.found[inner]) < 2 * MAX_SHIFT:
            return None
        expected = self._model.predict(self._speech.encode(audio, frames)[:, 0], clip_id)
        try:
            measured = standardise(mouth_measures(track)[inner])
        except UnscorableError:
            return None
        curve = sync_curve(expected[inner], measured, self._model.importance)
        return LipSync(curve.offset, curve.score)
