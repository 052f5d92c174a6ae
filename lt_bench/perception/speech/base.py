"""Interface of a speech encoder, and construction of an encoder from its name in a configuration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.errors import ConfigError, MediaError
from lt_bench.media.sound import Sound
from lt_bench.shapes import SpeechFeatures, Waveform

SAMPLE_RATE = 16000
FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
# Lossy containers shorten a sound track by up to one of their blocks: 1,024 samples for AAC, 1,152 for MP2.
FORGIVEN_SAMPLES = 2 * SAMPLES_PER_FRAME
PIECE, CONTEXT = 750, 50
"""Frames in the attention: 30 s, plus 2 s on either side. Longer sound is encoded in pieces."""
ENCODERS = "log_mel, moonshine or wav2vec2:PATH"


class SpeechEncoder(ABC):
    """Converts 16 kHz sound to features at 25 Hz; frozen, and cheap to send to a worker before its first use."""

    name: str
    """Name that the encoder was built from, without a path."""

    @property
    @abstractmethod
    def hash(self) -> str:
        """Return the hex SHA-256 of everything that affects the numbers: weights, or settings and constants."""

    @property
    @abstractmethod
    def layers(self) -> int:
        """Return the number of layers of features per frame."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Return the number of features of a layer."""

    def encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        """Compute features, float32 (frames, layers, dim); frame k is centered on the time (k + 0.5) / 25 s.

        They depend only on the first ``frames`` x 640 samples.

        Raises:
            AssetError: weights are missing or are not the expected ones.
            MediaError: the sound is more than 80 ms shorter than the frames, or is not mono and finite.
        """
        return np.concatenate(list(self.stream(waveform, frames)))

    def stream(self, sound: Sound, frames: int) -> Iterator[SpeechFeatures]:
        """Yield the features of ``encode`` in runs of 30 s, in bounded memory.

        Raises:
            AssetError: same as ``encode``.
            MediaError: same as ``encode``, when the first run is requested.
        """
        _check_length(sound, frames)
        mean, deviation = self._level(sound, frames)

        def encode(waveform: Waveform, count: int) -> SpeechFeatures:
            if (mean, deviation) != (0.0, 1.0):
                waveform = ((waveform - mean) / deviation).astype(np.float32)
            return self._encode(waveform, count)

        return pieces(encode, sound, frames)

    @abstractmethod
    def _encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        """Compute the features of one piece of sound of exactly ``frames`` x 640 finite samples."""

    def _level(self, sound: Sound, frames: int) -> tuple[float, float]:
        """Return mean and standard deviation for encoders that normalize the sound; (0, 1) by default."""
        return 0.0, 1.0


def build_speech_encoder(spec: str) -> SpeechEncoder:
    """Build the encoder that a configuration names: ``log_mel``, ``moonshine`` or ``wav2vec2:PATH``.

    PATH is a local folder in transformers' layout, or the id of a repository on the Hugging Face hub.

    Raises:
        ConfigError: the name is unknown.
    """
    name, _, path = spec.partition(":")
    if spec == "log_mel":
        from lt_bench.perception.speech.log_mel import LogMelEncoder

        return LogMelEncoder()
    if spec == "moonshine":
        from lt_bench.perception.speech.moonshine import MoonshineEncoder

        return MoonshineEncoder()
    if name == "wav2vec2" and path:
        from lt_bench.perception.speech.wav2vec2 import Wav2Vec2Encoder

        return Wav2Vec2Encoder(path)
    raise ConfigError(f"speech_encoder: expected {ENCODERS}, got {spec!r}")


def fit_waveform(waveform: ndarray, frames: int) -> Float[ndarray, " fitted"]:
    """Return exactly the samples of ``frames`` frames: longer sound is cut, up to 80 ms are padded with silence.

    Raises:
        MediaError: the sound is shorter, or is not mono and finite, or there are no frames.
    """
    _check_length(waveform, frames)
    return _samples(waveform, 0, frames)


def _check_length(sound: Sound, frames: int) -> None:
    if frames < 1:
        raise MediaError(f"sound: expected at least 1 frame to encode, got {frames}")
    if isinstance(sound, ndarray) and sound.ndim != 1:
        raise MediaError(f"sound: expected mono samples of shape (samples,), got {sound.shape}")
    wanted = frames * SAMPLES_PER_FRAME
    if len(sound) < wanted - FORGIVEN_SAMPLES or not len(sound):
        raise MediaError(f"sound: expected {wanted} samples at 16 kHz for {frames} frames, got {len(sound)}")


def _samples(sound: Sound, low: int, high: int) -> Waveform:
    """Return the samples of frames ``low`` to ``high``, with silence outside the sound."""
    part = np.asarray(sound[low * SAMPLES_PER_FRAME : high * SAMPLES_PER_FRAME], dtype=np.float32)
    if not np.isfinite(part).all():
        raise MediaError("sound: expected finite samples, got NaN or infinity")
    return np.pad(part, (0, (high - low) * SAMPLES_PER_FRAME - len(part)))


def sound_level(sound: Sound, frames: int) -> tuple[float, float]:
    """Compute mean and standard deviation of the samples of ``frames`` frames, in bounded memory."""
    total = squares = 0.0
    for start in range(0, frames, PIECE):
        part = _samples(sound, start, min(frames, start + PIECE)).astype(np.float64)
        total, squares = total + part.sum(), squares + (part**2).sum()
    count = frames * SAMPLES_PER_FRAME
    mean = float(total / count)
    return mean, max(0.0, float(squares / count) - mean**2) ** 0.5


def frame_centres(frames: int) -> Float[ndarray, " frames"]:
    """Return the times of the frames' centers, in seconds."""
    return (np.arange(frames) + 0.5) / FPS


def resample_features(
    features: Float[ndarray, "steps D"], times: Float[ndarray, " steps"], frames: int
) -> Float[ndarray, "frames D"]:
    """Interpolate features at increasing ``times`` (s) linearly to the frames' centers; constant beyond both ends."""
    at = np.interp(frame_centres(frames), times, np.arange(len(times)))
    low = np.floor(at).astype(int).clip(0, len(times) - 1)
    high = np.minimum(low + 1, len(times) - 1)
    weight = (at - low)[:, None]
    return ((1 - weight) * features[low] + weight * features[high]).astype(np.float32)


def in_pieces(
    encode: Callable[[Waveform, int], SpeechFeatures], sound: Sound, frames: int, piece: int = PIECE
) -> SpeechFeatures:
    """Concatenate all of ``pieces`` to one array."""
    return np.concatenate(list(pieces(encode, sound, frames, piece)))


def pieces(
    encode: Callable[[Waveform, int], SpeechFeatures], sound: Sound, frames: int, piece: int = PIECE
) -> Iterator[SpeechFeatures]:
    """Encode sound of any length in bounded memory, ``piece`` frames at a time.

    Attention's memory is quadratic in the length. Sound of at most ``piece`` frames is encoded at once. Longer sound is
    encoded in pieces, each with ``CONTEXT`` more frames on either side that are dropped afterwards.
    """
    for start in range(0, frames, piece):
        stop = min(start + piece, frames)
        low, high = max(0, start - CONTEXT), min(frames, stop + CONTEXT)
        part = encode(_samples(sound, low, high), high - low)
        yield part[start - low : stop - low]
