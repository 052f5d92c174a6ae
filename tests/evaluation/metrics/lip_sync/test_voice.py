"""The sound that scores are given, and the two reasons why there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.lip_sync.voiced_audio import LACKING, QUIETEST, voice_of

MakeClip = Callable[..., ClipContext]
FRAMES = 10
PICTURES = np.zeros((FRAMES, 8, 8, 3), np.uint8)


def heard(clip_of: MakeClip, audio: np.ndarray, *span: int) -> np.ndarray:
    return voice_of(clip_of(PICTURES, PICTURES, audio=audio).generated, *span)


def test_the_sound_of_the_frames_asked_for_is_given(clip_of: MakeClip) -> None:
    audio = np.linspace(0.1, 1, FRAMES * 640)
    np.testing.assert_array_equal(heard(clip_of, audio), audio)
    np.testing.assert_array_equal(heard(clip_of, audio, 4), audio[4 * 640 :])
    np.testing.assert_array_equal(heard(clip_of, audio, 4, 3), audio[4 * 640 : 7 * 640])


def test_sound_may_end_two_frames_early_and_no_more(clip_of: MakeClip) -> None:
    enough = np.full(FRAMES * 640 - LACKING, 0.1)
    assert len(heard(clip_of, enough)) == len(enough)
    with pytest.raises(UnscorableError, match=r"generated video a.mp4: expected a voice for all of 0\.40 s"):
        heard(clip_of, enough[1:])


def test_the_least_step_of_16_bit_sound_is_heard_and_less_is_silence(clip_of: MakeClip) -> None:
    assert heard(clip_of, np.full(FRAMES * 640, -QUIETEST)).min() == -QUIETEST
    with pytest.raises(UnscorableError, match="expected a voice, got a silent track"):
        heard(clip_of, np.full(FRAMES * 640, 0.9 * QUIETEST))
