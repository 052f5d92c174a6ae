"""Synthetic speech says what the control track says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.performance import Performance
from data_prep.synthetic.phonemes import PHONEMES
from data_prep.synthetic.speech import HOP, synthesize
from lt_bench.conventions import SAMPLE_RATE

WHO = dataclasses.replace(Identity.sample(0), pitch_hz=160.0, formant_scale=1.0)


def sustained(phoneme: str, frames: int = 25) -> Performance:
    """One sound at the speaker's mean pitch."""
    row = np.array((*PHONEMES[phoneme].articulation, 1.0), np.float32)
    return Performance(np.zeros((frames, 12), np.float32), np.tile(row, (frames * 8, 1)), ())


def spectrum(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and smoothed power."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    smoothed = np.convolve(power, np.hanning(401) / 200, mode="same")
    return np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE), smoothed


@pytest.mark.parametrize("pitch", [100.0, 160.0, 250.0])
def test_the_voice_has_the_pitch_of_the_speaker(pitch: float) -> None:
    audio = synthesize(dataclasses.replace(WHO, pitch_hz=pitch), sustained("a"))[2000:-2000].astype(float)
    lags = np.correlate(audio, audio, mode="full")[len(audio) - 1 :]
    shortest = int(SAMPLE_RATE / 320)
    best = shortest + int(np.argmax(lags[shortest : int(SAMPLE_RATE / 75)]))
    assert SAMPLE_RATE / best == pytest.approx(pitch, rel=0.05)


@pytest.mark.parametrize("scale", [0.85, 1.0, 1.15])
def test_formants_scale_with_the_vocal_tract(scale: float) -> None:
    audio = synthesize(dataclasses.replace(WHO, formant_scale=scale), sustained("a"))
    frequency, power = spectrum(audio)
    low = (frequency > 400) & (frequency < 1000)
    assert frequency[low][np.argmax(power[low])] == pytest.approx(780 * scale, rel=0.12)


def test_hiss_is_high_and_vowels_are_low() -> None:
    def centre(phoneme: str) -> float:
        frequency, power = spectrum(synthesize(WHO, sustained(phoneme)))
        return float((frequency * power).sum() / power.sum())

    assert centre("s") > 4000 > centre("sh") > 2500 > centre("a") > centre("u")


def test_silence_is_only_the_noise_of_the_room() -> None:
    quiet, loud = (synthesize(WHO, sustained(name)).std() for name in ("sil", "a"))
    assert 1e-4 < quiet < 1e-3
    assert loud > 50 * quiet


def test_loudness_follows_the_control_track_at_the_right_time() -> None:
    act = Performance.sample(21, 100)
    audio = synthesize(WHO, act)
    loudness = np.sqrt(np.mean(audio.reshape(-1, HOP) ** 2, axis=1))
    control = act.control[:, 3]

    def correlation(shift: int) -> float:
        return float(np.corrcoef(np.roll(loudness, -shift)[40:-40], control[40:-40])[0, 1])

    best = max(range(-20, 21), key=correlation)
    assert abs(best) <= 3  # ticks of 5 ms
    assert correlation(best) > 0.6


def test_the_seed_changes_the_noise_only() -> None:
    act = Performance.sample(5, 20)
    first, again, other = synthesize(WHO, act, 1), synthesize(WHO, act, 1), synthesize(WHO, act, 2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() == pytest.approx(other.std(), rel=0.1)
