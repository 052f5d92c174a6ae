"""Do the lips of real faces follow the voice? With openly licensed networks; not Sync-C, which is another network's.

Moonshine's speech features predict twelve mouth measures of MediaPipe's landmarks by a ridge regression; the scores say
how the measured mouth correlates with the predicted one. Method and figures: ``experiments/detectors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.conventions import FPS
from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric, VideoView
from lt_bench.evaluation.metrics.lip_sync.lip_sync_model import (
    MAX_SHIFT,
    MIN_FRAMES,
    RADIUS,
    TRIM,
    SyncCurve,
    load_speech_to_mouth,
    standardise,
    sync_curve,
    weights_hash,
)
from lt_bench.evaluation.metrics.lip_sync.voiced_audio import voice_of
from lt_bench.evaluation.metrics.motion.head_motion import found_faces
from lt_bench.files import sha256_json
from lt_bench.perception.faces import landmarker_hash
from lt_bench.perception.mouth_measures import mouth_measures
from lt_bench.perception.speech.moonshine import WEIGHTS as SPEECH_WEIGHTS
from lt_bench.perception.speech.moonshine import MoonshineEncoder

SOURCE = (
    "own: the video's own sound, Moonshine tiny (arXiv 2410.15608) +-2 frames, ridge to 12 mouth measures of MediaPipe "
    "fitted on the 11 GRID clips of grid-sample; a clip with the id of one of these is judged by a fit without its "
    "speaker"
)


class _LipSyncOpen(VideoMetric):
    """What the three scores share."""

    source = SOURCE
    needs: ClassVar[tuple[Need, ...]] = ("faces", "audio")
    assets: ClassVar[tuple[str, ...]] = (SPEECH_WEIGHTS,)

    @property
    def detector(self) -> str:
        """Hash over the regression's weights, the speech encoder, the landmarker and the settings."""
        networks = [weights_hash(), _encoder().hash, landmarker_hash()]
        return sha256_json([*networks, RADIUS, TRIM, MAX_SHIFT, MIN_FRAMES])


@dataclass(frozen=True)
class LipSyncOpen(_LipSyncOpen):
    """Agreement of mouth and voice. GRID's real clips: 0.72 with their own sound, 0.25 with another sentence."""

    name = "lip_sync_open"
    title = "correlation of the mouth with what the voice lets expect (Moonshine, MediaPipe)"
    higher_is_better = True
    reference = "ceiling"

    def score(self, clip: ClipContext) -> float:
        """Weighted mean correlation over the measures, without a shift."""
        return _curve(clip).score


@dataclass(frozen=True)
class LipSyncOpenConfidence(_LipSyncOpen):
    """How much better the best shift fits than the usual one, whichever it is; separates less well than the score."""

    name = "lip_sync_open_confidence"
    title = f"best minus median correlation over shifts of +-{MAX_SHIFT} frames (Moonshine, MediaPipe)"
    higher_is_better = True
    reference = "ceiling"

    def score(self, clip: ClipContext) -> float:
        """Difference of correlations."""
        return _curve(clip).confidence


@dataclass(frozen=True)
class LipSyncOpenOffset(_LipSyncOpen):
    """By how many frames the lips come late (positive) or early (negative); chance where ``lip_sync_open`` is low."""

    name = "lip_sync_open_offset"
    title = f"shift of the best correlation within +-{MAX_SHIFT} frames (Moonshine, MediaPipe), median"
    unit = "frames"
    target = 0.0
    aggregate = "median"
    reference = "real"

    def score(self, clip: ClipContext) -> float:
        """The best shift."""
        return float(_curve(clip).offset)


def _curve(clip: ClipContext) -> SyncCurve:
    """The curve of the generated video, computed once for the three scores."""
    video = clip.generated
    networks = f"{weights_hash()} {_encoder().hash} {landmarker_hash()}"
    key = f"lip_sync_open of sound {networks} {clip.id} from {clip.first_frame}"
    return SyncCurve(video.features(key, lambda: {"correlations": _correlate(video, clip)})["correlations"])


def _correlate(video: VideoView, clip: ClipContext) -> Float[ndarray, " 31"]:
    if video.fps != FPS:
        got = f"got {video.fps:g}"
        raise UnscorableError(f"lip_sync_open: expected a protocol of {FPS} fps, {got}", fault="environment")
    track = video.faces
    inner = slice(max(TRIM, clip.first_frame), len(track.found) - TRIM)
    found = int(track.found.sum())
    if found < MIN_FRAMES:
        raise UnscorableError(
            f"lip_sync_open: expected at least {MIN_FRAMES} frames with a face, got {found} of {len(track.found)}",
            fault=clip.fault_of_length(MIN_FRAMES),
        )
    found_faces(video, clip)
    if np.count_nonzero(track.found[inner]) < 2 * MAX_SHIFT:
        raise UnscorableError(
            f"lip_sync_open: expected at least {2 * MAX_SHIFT} scored frames with a face, got fewer",
            fault=clip.fault_of_length(inner.start + 2 * MAX_SHIFT + TRIM),
        )
    voice, model = voice_of(video), load_speech_to_mouth()
    expected = model.predict(_encoder().encode(voice, len(track.found))[:, 0], clip.id)
    return sync_curve(expected[inner], standardise(mouth_measures(track)[inner]), model.importance).correlations


@cache
def _encoder() -> MoonshineEncoder:
    return MoonshineEncoder()
