"""Moonshine features: their timing, their pieces, and what they know about the mouth."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import AssetError, MediaError
from lt_bench.media.audio import read_audio
from lt_bench.perception.speech import build_speech_encoder
from lt_bench.perception.speech.base import CONTEXT, in_pieces
from lt_bench.perception.speech.moonshine import MoonshineEncoder


@pytest.fixture
def speech(mirror: Path) -> np.ndarray:
    return read_audio(mirror / "grid-sample" / "bbaf2n.mpg")


def test_shape_name(speech: np.ndarray) -> None:
    encoder = build_speech_encoder("moonshine")
    features = encoder.encode(speech, 75)
    assert features.shape == (75, encoder.layers, encoder.dim) == (75, 1, 288)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert encoder.encode(speech, 1).shape == (1, 1, 288)


def test_a_frame_hears_the_sound_around_its_own_middle(mirror: Path) -> None:
    encoder, frames = MoonshineEncoder(), 50
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.002, frames * 640).astype(np.float32)
    quiet = encoder.encode(sound, frames)
    centres = []
    for frame in (15, 25, 34):
        loud = sound.copy()
        loud[frame * 640 + 256 : frame * 640 + 384] += rng.normal(0, 0.3, 128).astype(np.float32)
        change = np.linalg.norm(encoder.encode(loud, frames) - quiet, axis=(1, 2))
        near = slice(frame - 3, frame + 4)
        centres.append((change[near] ** 2 * np.arange(-3, 4)).sum() / (change[near] ** 2).sum())
    assert np.abs(np.mean(centres)) < 0.35  # frames


def test_sound_is_followed_when_it_moves(speech: np.ndarray) -> None:
    encoder = MoonshineEncoder()
    late = np.concatenate([np.zeros(5 * 640, np.float32), speech])
    first, second = encoder.encode(speech, 70)[10:60, 0], encoder.encode(late, 75)[:, 0]
    errors = [np.linalg.norm(second[10 + k : 60 + k] - first) for k in range(11)]
    assert int(np.argmin(errors)) == 5


def test_long_sound_in_pieces_is_nearly_that_of_the_whole(mirror: Path) -> None:
    sound = read_audio(mirror / "syncnet_example_speech.wav")
    frames = min(len(sound) // 640, 130)
    encoder = MoonshineEncoder()
    whole = encoder.encode(sound, frames)[:, 0]
    split = in_pieces(encoder._encode, sound[: frames * 640], frames, piece=60)[:, 0]
    assert split.shape == whole.shape
    correlation = np.corrcoef(split.ravel(), whole.ravel())[0, 1]
    assert correlation > 0.97


def test_pieces_cover_every_frame_once() -> None:
    seen = []

    def encode(waveform: np.ndarray, frames: int) -> np.ndarray:
        assert len(waveform) == frames * 640
        seen.append(frames)
        return waveform[320::640, None, None]  # the number of the frame

    sound = np.repeat(np.arange(400, dtype=np.float32), 640)
    np.testing.assert_array_equal(in_pieces(encode, sound, 400, piece=120)[:, 0, 0], np.arange(400))
    assert max(seen) == 120 + 2 * CONTEXT


def test_a_used_encoder_can_be_sent_to_workers(speech: np.ndarray) -> None:
    encoder = MoonshineEncoder()
    features = encoder.encode(speech, 20)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.encode(speech, 20), features)
    assert again.hash == encoder.hash


def test_absent_weights_name_the_asset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    with pytest.raises(AssetError, match=r"lt-bench assets get moonshine_tiny_en_encoder.ort"):
        MoonshineEncoder().encode(np.zeros(16000, np.float32), 25)


def test_sound_that_is_too_short_names_the_samples() -> None:
    with pytest.raises(MediaError, match="expected 48000 samples at 16 kHz for 75 frames, got 16000"):
        MoonshineEncoder().encode(np.zeros(16000, np.float32), 75)
