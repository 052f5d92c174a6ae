"""Features as a voice goes on are those of the whole voice, and old ones are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from lt_bench.data.windows import audio_windows
from lt_bench.perception.speech import build_speech_encoder
from lt_bench.perception.speech.base import SAMPLES_PER_FRAME, SpeechEncoder
from lt_bench.sampling.voice import VoiceFeatures, window_of


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, frames * SAMPLES_PER_FRAME).astype(np.float32)


@pytest.mark.parametrize("frames", [3, 750, 1601])
def test_windows_of_a_stream_are_windows_of_the_whole(frames: int) -> None:
    encoder, sound = build_speech_encoder("log_mel"), noise(frames)
    whole = torch.from_numpy(encoder.encode(sound, frames).astype(np.float16).astype(np.float32))
    stream = VoiceFeatures(encoder, sound, frames)
    for start in range(0, frames, 8):
        expected = audio_windows(whole, start, 8, 2)
        torch.testing.assert_close(window_of(stream, start, 8, 2), expected, rtol=2e-3, atol=2e-3)
        assert torch.equal(window_of(whole, start, 8, 2), expected)
    if frames > 1500:
        with pytest.raises(ValueError, match="frames: expected a start of at least 1500, got 0"):
            stream[0:4]


class _Silence:
    """Hours of sound that is nowhere."""

    longest = 0

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return self.frames * SAMPLES_PER_FRAME

    def __getitem__(self, samples: slice, /) -> np.ndarray:
        start, stop, _ = samples.indices(len(self))
        self.longest = max(self.longest, stop - start)
        return np.zeros(stop - start, np.float32)


class _Large(SpeechEncoder):
    """The size of wav2vec 2.0's features: 36 KB a frame."""

    name, hash, layers, dim = "large", "", 12, 768

    def _encode(self, waveform: np.ndarray, frames: int) -> np.ndarray:
        return np.zeros((frames, 12, 768), np.float32)


def test_a_long_voice_holds_at_most_two_pieces() -> None:
    sound = _Silence(6000)
    stream = VoiceFeatures(_Large(), sound, 6000)

    def held() -> Iterator[int]:
        for start in range(0, 6000, 16):
            window_of(stream, start, 16, 2)
            yield sum(piece.nbytes for piece in stream._pieces)

    assert max(held()) <= 2 * 750 * 12 * 768 * 2
    assert sound.longest == 850 * SAMPLES_PER_FRAME
