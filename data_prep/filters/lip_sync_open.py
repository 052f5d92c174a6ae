"""Lip sync by the evaluation's ``lip_sync_open``, on a clip's own landmarks."""

from __future__ import annotations

import numpy as np

from data_prep.filters.lip_sync import LipSync, Seen, SyncMeter
from lt_bench.evaluation.inputs.clip_context import UnscorableError
from lt_bench.evaluation.metrics.lip_sync.lip_sync_model import (
    MAX_SHIFT,
    MIN_FRAMES,
    TRIM,
    load_speech_to_mouth,
    standardise,
    sync_curve,
)
from lt_bench.perception.mouth_measures import mouth_measures
from lt_bench.perception.speech.moonshine import MoonshineEncoder


class OpenMeter(SyncMeter):
    """Moonshine's features, a ridge regression to mouth measures, correlation at every shift."""

    name = "lip_sync_open"

    def __init__(self) -> None:
        self._speech = MoonshineEncoder()
        self._model = load_speech_to_mouth()

    def measure(self, clip: Seen) -> LipSync | None:
        """Offset and correlation; None where there are too few frames with a face, or a mouth that never moves.

        A clip of grid-sample, known by its id, is judged by a fit without its speaker.
        """
        track, frames = clip.track, len(clip.track.found)
        inner = slice(TRIM, frames - TRIM)
        if track.found.sum() < MIN_FRAMES or np.count_nonzero(track.found[inner]) < 2 * MAX_SHIFT:
            return None
        expected = self._model.predict(self._speech.encode(clip.audio, frames)[:, 0], clip.id)
        try:
            measured = standardise(mouth_measures(track)[inner])
        except UnscorableError:
            return None
        curve = sync_curve(expected[inner], measured, self._model.importance)
        return LipSync(curve.offset, curve.score)
