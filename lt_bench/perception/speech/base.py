"""What every speech encoder offers, and how one is built from its name in a configuration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.errors import ConfigError, MediaError
from lt_bench.shapes import SpeechFeatures, Waveform

SAMPLE_RATE = 16000
FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
# Lossy containers cut a sound track short by up to one of their own blocks: 1,024 samples for AAC, 1,152 for MP2.
FORGIVEN_SAMPLES = 2 * SAMPLES_PER_FRAME
PIECE, CONTEXT = 750, 50
"""Frames that attention sees at once: 30 s, and 2 s more on either side; longer sound is encoded piece by piece."""
ENCODERS = "log_mel, moonshine or wav2vec2:PATH"


class SpeechEncoder(ABC):
    """Turns 16 kHz sound into features at 25 Hz; frozen, and cheap to send to a worker process before its first use."""

    name: str
    """The name it was built from, without any path."""

    @property
    @abstractmethod
    def hash(self) -> str:
        """Hex SHA-256 of all that decides the numbers: weights, or settings and constants."""

    @property
    @abstractmethod
    def layers(self) -> int:
        """Layers of features a frame."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Features of a layer."""

    @abstractmethod
    def encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        """Features, float32 (frames, layers, dim); frame k is centred on the time (k + 0.5) / 25 s.

        They depend on the first ``frames`` x 640 samples only, whatever follows.

        Raises:
            MediaError: the sound is more than 80 ms shorter than the frames, or is not mono and finite.
        """


def build_speech_encoder(spec: str) -> SpeechEncoder:
    """The encoder that a configuration names: ``log_mel``, ``moonshine`` or ``wav2vec2:PATH``.

    PATH is a local folder in transformers' layout, or the id of a repository on the Hugging Face hub.

    Raises:
        ConfigError: the name is none of these.
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
    """Exactly the samples of ``frames`` frames: longer sound is cut, a gap of at most 80 ms at the end is silence.

    Raises:
        MediaError: the sound is shorter than that, or is not mono and finite, or there are no frames.
    """
    if frames < 1:
        raise MediaError(f"sound: expected at least 1 frame to encode, got {frames}")
    if waveform.ndim != 1:
        raise MediaError(f"sound: expected mono samples of shape (samples,), got {waveform.shape}")
    wanted = frames * SAMPLES_PER_FRAME
    if len(waveform) < wanted - FORGIVEN_SAMPLES or not len(waveform):
        raise MediaError(f"sound: expected {wanted} samples at 16 kHz for {frames} frames, got {len(waveform)}")
    fitted = np.asarray(waveform[:wanted], dtype=np.float32)
    if not np.isfinite(fitted).all():
        raise MediaError("sound: expected finite samples, got NaN or infinity")
    return np.pad(fitted, (0, wanted - len(fitted)))


def frame_centres(frames: int) -> Float[ndarray, " frames"]:
    """Times of the frames' middles, in seconds."""
    return (np.arange(frames) + 0.5) / FPS


def resample_features(
    features: Float[ndarray, "steps D"], times: Float[ndarray, " steps"], frames: int
) -> Float[ndarray, "frames D"]:
    """Linear interpolation of features at rising ``times`` (s) to the frames' middles; held beyond both ends."""
    at = np.interp(frame_centres(frames), times, np.arange(len(times)))
    low = np.floor(at).astype(int).clip(0, len(times) - 1)
    high = np.minimum(low + 1, len(times) - 1)
    weight = (at - low)[:, None]
    return ((1 - weight) * features[low] + weight * features[high]).astype(np.float32)


def in_pieces(
    encode: Callable[[Waveform, int], SpeechFeatures], waveform: Waveform, frames: int, piece: int = PIECE
) -> SpeechFeatures:
    """Encode sound of any length in bounded memory.

    Attention's memory grows with the square of the length. Sound of at most ``piece`` frames is encoded as a whole;
    longer sound in pieces, each with ``CONTEXT`` more frames on either side that are dropped afterwards.
    """
    if frames <= piece:
        return encode(waveform, frames)
    parts = []
    for start in range(0, frames, piece):
        stop = min(start + piece, frames)
        low, high = max(0, start - CONTEXT), min(frames, stop + CONTEXT)
        part = encode(waveform[low * SAMPLES_PER_FRAME : high * SAMPLES_PER_FRAME], high - low)
        parts.append(part[start - low : stop - low])
    return np.concatenate(parts)
