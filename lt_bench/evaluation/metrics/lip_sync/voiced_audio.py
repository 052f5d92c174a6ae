"""The sound that scores listen to, or why it says nothing of a video: it is silent, or over before the picture is."""

from __future__ import annotations

import numpy as np

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.evaluation.inputs.clip_context import UnscorableError, VideoView
from lt_bench.shapes import Waveform

QUIETEST = 2**-15
"""Largest sample of a track that counts as silent: the least step of 16-bit sound; full scale is 1."""
LACKING = 1280
"""Samples that may lack at the end, two frames at 25 fps: codecs and cameras end sound and picture apart."""


def voice_of(video: VideoView, first: int = 0, frames: int | None = None) -> Waveform:
    """The sound of ``frames`` frames (None: all that follow) from frame ``first`` on, mono at 16 kHz.

    Raises:
        MediaError: the video has no sound.
        UnscorableError: it is silent there, or ends too early.
    """
    last = video.length if frames is None else first + frames
    start, stop = (round(frame / video.fps * SAMPLE_RATE) for frame in (first, last))
    sound = video.audio[start:stop]
    if len(sound) < stop - start - LACKING:
        raise UnscorableError(
            f"{video.label}: expected a voice for all of {(stop - start) / SAMPLE_RATE:.2f} s, "
            f"got sound of {len(sound) / SAMPLE_RATE:.2f} s",
            fault=video.fault,
        )
    loudest = float(np.abs(sound).max(initial=0.0))
    if loudest < QUIETEST:
        got = f"got a silent track (largest sample {loudest:.1e})"
        raise UnscorableError(f"{video.label}: expected a voice, {got}", fault=video.fault)
    return sound
