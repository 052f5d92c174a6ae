"""How well mouth measures follow speech: a ridge regression from speech features, and its correlation at every shift.

Fitted by ``experiments/detectors/train_lip_sync_open.py``; held-out figures are next to it in ``lip_sync_open.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.errors import AssetError
from lt_bench.evaluation.metrics.base import UnscorableError
from lt_bench.files import sha256_file

WEIGHTS = Path(__file__).parents[2] / "weights" / "lip_sync_open.safetensors"
FORMAT = "lt_bench lip_sync_open 1"
RADIUS = 2
"""Speech features seen on either side of a frame, in frames at 25 fps."""
TRIM = 6
"""Frames left out at both ends, where convolutions and windows see padding."""
MAX_SHIFT = 15
MIN_FRAMES = 50
"""Frames with a face that a video needs."""
EVERYONE = "everyone"
PREDICTED = 512
"""Frames whose windows are made at once; those of a long clip are large."""
_STILL = 1e-4
"""Standard deviation below which a measure counts as not moving."""


@dataclass(frozen=True)
class SpeechToMouth:
    """Linear maps from a window of speech features to mouth measures, and what each measure counts."""

    maps: Float[ndarray, "maps inputs 12"]
    names: tuple[str, ...]
    """Of the maps: the clips that each was fitted without, joined by commas, or ``everyone``."""
    importance: Float[ndarray, " 12"]
    """Weights of the measures, sum 1."""
    fitted_with: dict[str, str]
    """Hashes of the speech encoder and the landmarker at the time of fitting."""

    def predict(self, speech: Float[ndarray, "F D"], clip: str) -> Float[ndarray, "F 12"]:
        """Mouth measures, in standard deviations, that speech lets expect; no map is used on a clip it was fitted on.

        Args:
            speech: features at 25 Hz of the whole clip.
            clip: its id.
        """
        chosen = next((i for i, name in enumerate(self.names) if clip in name.split(",")), self.names.index(EVERYONE))
        parts = range(0, max(1, len(speech)), PREDICTED)
        return np.concatenate([speech_windows(speech, k, k + PREDICTED) @ self.maps[chosen] for k in parts])


@dataclass(frozen=True)
class SyncCurve:
    """Agreement of mouth and speech for every shift of the mouth by -15 .. 15 frames."""

    correlations: Float[ndarray, " 31"]
    """Mean correlation over the measures, -1..1; entry i is the mouth i - 15 frames later than it is."""

    @property
    def score(self) -> float:
        """Agreement as it is, without a shift."""
        return float(self.correlations[MAX_SHIFT])

    @property
    def confidence(self) -> float:
        """The best agreement over the median one."""
        return float(self.correlations.max() - np.median(self.correlations))

    @property
    def offset(self) -> int:
        """Frames by which the lips come late (positive) or early (negative)."""
        return int(self.correlations.argmax()) - MAX_SHIFT


def speech_windows(
    speech: Float[ndarray, "F D"], start: int = 0, stop: int | None = None
) -> Float[ndarray, "frames inputs"]:
    """Features of frames ``start`` to ``stop`` (exclusive) and their neighbours (indices clamped), without their mean.

    The mean is that of the whole clip.
    """
    frames = np.arange(len(speech))[start:stop]
    index = (frames[:, None] + np.arange(-RADIUS, RADIUS + 1)).clip(0, len(speech) - 1)
    return (np.asarray(speech[index], np.float64) - speech.mean(axis=0, dtype=np.float64)).reshape(len(frames), -1)


def standardise(measures: Float[ndarray, "F 12"]) -> Float[ndarray, "F 12"]:
    """Zero mean and unit variance over the frames with a face; NaN stays, a measure that does not move is 0.

    Raises:
        UnscorableError: no measure moves.
    """
    measures = np.asarray(measures, np.float64)
    deviation = np.nanstd(measures, axis=0)
    moves = deviation > _STILL
    if not moves.any():
        raise UnscorableError("lip_sync_open: expected a mouth that moves, got one that does not")
    return (measures - np.nanmean(measures, axis=0)) / np.where(moves, deviation, np.inf)


def sync_curve(
    expected: Float[ndarray, "F 12"], measured: Float[ndarray, "F 12"], importance: Float[ndarray, " 12"]
) -> SyncCurve:
    """Correlate expected and measured movements at every shift, over the frames that both have there.

    Args:
        expected: of ``SpeechToMouth.predict``, already trimmed.
        measured: of ``standardise``, of the same frames; rows of NaN are left out.
        importance: weights of the measures.
    """
    frames = len(measured)
    curve = []
    for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
        before = expected[max(0, -shift) : frames - max(0, shift)]
        after = measured[max(0, shift) : frames + min(0, shift)]
        seen = ~np.isnan(after).any(axis=1)
        curve.append(_correlations(before[seen], after[seen]) @ importance)
    return SyncCurve(np.array(curve))


def _correlations(a: Float[ndarray, "F 12"], b: Float[ndarray, "F 12"]) -> Float[ndarray, " 12"]:
    """Pearson's correlation a column; a column that does not move follows nothing and has 0."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.where(norm > 0, (a * b).sum(axis=0) / np.maximum(norm, 1e-30), 0.0)


@cache
def load_speech_to_mouth() -> SpeechToMouth:
    """The packaged maps.

    Raises:
        AssetError: the file is missing or is not one of this format.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(WEIGHTS, framework="np") as stored:
            notes = stored.metadata() or {}
            if notes.get("format") != FORMAT:
                raise AssetError(f"{WEIGHTS.name}: expected format {FORMAT!r}, got {notes.get('format')!r}")
            return SpeechToMouth(
                maps=stored.get_tensor("maps").astype(np.float64),
                names=tuple(json.loads(notes["names"])),
                importance=stored.get_tensor("importance").astype(np.float64),
                fitted_with=json.loads(notes["fitted_with"]),
            )
    except (OSError, SafetensorError) as error:
        raise AssetError(f"{WEIGHTS.name}: expected weights in the package, got: {error}") from error


@cache
def weights_hash() -> str:
    """SHA-256 of the packaged maps."""
    return sha256_file(WEIGHTS)
