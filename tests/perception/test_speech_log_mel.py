"""The log-mel encoder against transformers' spectrogram, its timing, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from lt_bench.errors import ConfigError, MediaError
from lt_bench.perception.speech import build_speech_encoder
from lt_bench.perception.speech.base import fit_waveform, resample_features
from lt_bench.perception.speech.log_mel import DEVIATION, FLOOR, MEAN, hz_to_mel, mel_filters, mel_to_hz


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def test_filters_are_those_of_transformers() -> None:
    expected = mel_filter_bank(257, 80, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(), expected, atol=1e-9)


def test_features_are_the_mean_of_transformers_log_spectra() -> None:
    sound = noise(16000)
    # Their window of 400 samples starts where the transform does, ours is centred in it: 56 samples later.
    shifted = np.concatenate([np.zeros(256 - 80 - 56), sound, np.zeros(312)])
    hann, filters = window_function(400, "hann"), mel_filters()
    spectra = spectrogram(shifted, hann, 400, 160, 512, 2.0, center=False, mel_filters=filters, mel_floor=0.0)
    expected = (np.log(spectra[:, :100] + FLOOR).reshape(80, 25, 4).mean(2).T - MEAN) / DEVIATION
    np.testing.assert_allclose(build_speech_encoder("log_mel").encode(sound, 25)[:, 0], expected, atol=1e-4)


def test_shape_name() -> None:
    encoder = build_speech_encoder("log_mel")
    assert (encoder.name, encoder.layers, encoder.dim) == ("log_mel", 1, 80)
    features = encoder.encode(noise(8000), 12)
    assert features.shape == (12, 1, 80)
    assert features.dtype == np.float32
    assert len(encoder.hash) == 64
    assert pickle.loads(pickle.dumps(encoder)).hash == encoder.hash


def test_a_frame_hears_the_sound_around_its_own_middle() -> None:
    encoder = build_speech_encoder("log_mel")
    sound = np.zeros(25 * 640, np.float32)
    sound[10 * 640 + 320] = 1.0  # the middle of frame 10
    loudness = encoder.encode(sound, 25).mean((1, 2))
    assert loudness.argmax() == 10
    quiet = np.delete(loudness, [10])
    np.testing.assert_allclose(quiet, quiet[0])


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 20), st.integers(0, 3))
def test_shifting_the_sound_by_whole_frames_shifts_the_features(frames: int, seed: int) -> None:
    encoder = build_speech_encoder("log_mel")
    sound = noise(40 * 640, seed)
    whole = encoder.encode(sound, 40)
    later = encoder.encode(sound[frames * 640 :], 40 - frames)
    np.testing.assert_allclose(later[1:], whole[frames + 1 :], atol=1e-5)


def test_what_follows_the_frames_does_not_matter() -> None:
    encoder = build_speech_encoder("log_mel")
    sound = noise(20 * 640)
    np.testing.assert_array_equal(encoder.encode(sound, 10), encoder.encode(sound[: 10 * 640], 10))


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 8000))
def test_mel_scale_round_trip(frequency: float) -> None:
    assert mel_to_hz(hz_to_mel(np.array([frequency])))[0] == pytest.approx(frequency, abs=1e-6)


def test_silence_is_finite_and_low() -> None:
    features = build_speech_encoder("log_mel").encode(np.zeros(6400, np.float32), 10)
    assert np.isfinite(features).all()
    assert features.max() < -0.9


def test_sound_that_is_too_short_names_the_samples() -> None:
    encoder = build_speech_encoder("log_mel")
    with pytest.raises(MediaError, match="expected 48000 samples at 16 kHz for 75 frames, got 40000"):
        encoder.encode(noise(40000), 75)
    assert encoder.encode(noise(47648), 75).shape == (75, 1, 80)  # an MP2 track 22 ms short


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros((2, 16000), np.float32), r"mono samples of shape \(samples,\), got \(2, 16000\)"),
        (np.full(16000, np.nan, np.float32), "finite samples"),
        (np.zeros(0, np.float32), "got 0"),
    ],
)
def test_sound_that_is_not_mono_and_finite_is_refused(sound: np.ndarray, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        fit_waveform(sound, 1)


def test_no_frames_are_refused() -> None:
    with pytest.raises(MediaError, match="at least 1 frame"):
        fit_waveform(noise(640), 0)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("mel", "one of log_mel, moonshine, wav2vec2, got 'mel'"),
        ("", "one of log_mel, moonshine, wav2vec2, got ''"),
        ("wav2vec2", "wav2vec2:PATH, got 'wav2vec2'"),
        ("wav2vec2:", "wav2vec2:PATH, got 'wav2vec2:'"),
        ("log_mel:80", "log_mel, got 'log_mel:80'"),
    ],
)
def test_an_unknown_name_is_refused(spec: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"^speech_encoder: expected {told}$"):
        build_speech_encoder(spec)


def test_resampling_is_exact_on_straight_lines_and_holds_beyond_the_ends() -> None:
    times = np.array([0.05, 0.1, 0.2])
    out = resample_features(np.stack([times, -2 * times], 1), times, 10)
    centres = ((np.arange(10) + 0.5) / 25).clip(0.05, 0.2)
    np.testing.assert_allclose(out, np.stack([centres, -2 * centres], 1), atol=1e-6)
