"""Do the head's movements go with the beats of speech? Stops of the head's motion against onsets of the sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoMetric
from lt_bench.evaluation.metrics.lip_sync.voiced_audio import voice_of
from lt_bench.evaluation.metrics.motion.head_motion import found_faces
from lt_bench.files import sha256_json
from lt_bench.perception.faces import landmarker_hash
from lt_bench.shapes import Waveform

SIGMA = 0.05
"""Width of the agreement in seconds: the three frames at 60 fps of the definition."""
WINDOW, HOP = 400, 160
"""Samples of a Hann window, and between two: 25 and 10 ms."""
GAP = 0.1
"""Least time between two onsets, in seconds."""


def beat_alignment(motion: Float[ndarray, " M"], sound: Float[ndarray, " N"]) -> float:
    """Mean over the beats of motion of exp(-d^2 / 2 sigma^2), d the time to the nearest onset (Li et al., equation 11).

    Args:
        motion: times of the stops of motion, in seconds.
        sound: times of the onsets, in seconds.

    Raises:
        UnscorableError: there is none of either.
    """
    if not len(motion) or not len(sound):
        raise UnscorableError(f"beat alignment: expected beats of both, got {len(motion)} stops, {len(sound)} onsets")
    nearest = np.abs(motion[:, None] - sound).min(axis=1)
    return float(np.exp(-(nearest**2) / (2 * SIGMA**2)).mean())


def sound_onsets(audio: Waveform) -> Float[ndarray, " N"]:
    """Times of the peaks of spectral flux, in seconds."""
    from scipy.signal import find_peaks

    padded = np.pad(np.asarray(audio, np.float64), WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    loudness = np.log1p(1000 * np.abs(np.fft.rfft(windows, axis=1)) / WINDOW)
    flux = np.maximum(np.diff(loudness, axis=0), 0).sum(axis=1)
    peaks, _ = find_peaks(flux, prominence=flux.std(), distance=round(GAP * SAMPLE_RATE / HOP))
    return (peaks + 0.5) * HOP / SAMPLE_RATE


def motion_stops(pose: Float[ndarray, "F 3"], times: Float[ndarray, " F"]) -> Float[ndarray, " M"]:
    """Times of the minima of the head's angular speed, in seconds.

    Args:
        pose: yaw, pitch, roll in radians.
        times: middles of the frames, in seconds.
    """
    from scipy.signal import find_peaks

    speed = np.linalg.norm(np.diff(np.asarray(pose, np.float64), axis=0), axis=1) / np.diff(times)
    smooth = np.convolve(np.pad(speed, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
    stops, _ = find_peaks(-smooth, prominence=0.25 * smooth.std())
    return (times[stops] + times[stops + 1]) / 2


@dataclass(frozen=True)
class BeatAlign(VideoMetric):
    """How near stops of the head are to onsets of the voice; chance rises with the density of onsets: see the real."""

    name = "beat_align"
    title = f"beat alignment of head motion (MediaPipe) and spectral-flux onsets, sigma {SIGMA} s"
    reference = "real"
    source = "Li et al. 2021, arXiv 2101.08779, with beats of the head and of speech"
    needs: ClassVar[tuple[Need, ...]] = ("faces", "audio")

    @property
    def detector(self) -> str:
        """Hash of the landmarker and the settings."""
        return sha256_json([landmarker_hash(), SIGMA, WINDOW, HOP, GAP])

    def score(self, clip: ClipContext) -> float:
        """Alignment over the scored frames with a face."""
        video, found = clip.generated, found_faces(clip.generated, clip)
        times = (np.arange(len(found)) + 0.5 + clip.first_frame) / video.fps
        onsets = sound_onsets(voice_of(video))
        heard = onsets[onsets >= clip.first_frame / video.fps]
        return beat_alignment(motion_stops(video.faces.pose[clip.scored][found], times[found]), heard)
