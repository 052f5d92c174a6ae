"""The interface of a speech encoder, the registry of all of them, and helpers that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.errors import ConfigError, MediaError
from lt_bench.media.sound import Sound
from lt_bench.registry import Registry

if TYPE_CHECKING:
    import torch
from lt_bench.shapes import SpeechFeatures, Waveform

SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
# Lossy containers cut a sound track short by up to one of their own blocks: 1,024 samples for AAC, 1,152 for MP2.
FORGIVEN_SAMPLES = 2 * SAMPLES_PER_FRAME
PIECE, CONTEXT = 750, 50
"""Frames that attention sees at once: 30 s, and 2 s more on either side; longer sound is encoded piece by piece."""


class SpeechEncoder(ABC):
    """Turns 16 kHz sound into features at 25 Hz; frozen, and cheap to send to a worker process before its first use."""

    name: ClassVar[str]
    """The name that configurations use, without any path."""
    takes_path: ClassVar[bool] = False
    """Whether a configuration names it as ``name:PATH``."""
    assets: ClassVar[tuple[str, ...]] = ()
    """Pinned assets that encoding needs."""

    @classmethod
    def build(cls, path: str) -> Self:
        """Build the encoder; ``path`` follows the colon in a configuration and is empty unless ``takes_path``."""
        return cls()

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

    def to(self, device: torch.device) -> Self:
        """This encoder, computing on a device from now on; one without a network that PyTorch runs stays on the CPU."""
        return self

    def encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        """Features, float32 (frames, layers, dim); frame k is centred on the time (k + 0.5) / 25 s.

        They depend on the first ``frames`` x 640 samples only, whatever follows.

        Raises:
            AssetError: weights are missing, or not the expected ones.
            MediaError: the sound is more than 80 ms shorter than the frames, or is not mono and finite.
        """
        return np.concatenate(list(self.stream(waveform, frames)))

    def stream(self, sound: Sound, frames: int) -> Iterator[SpeechFeatures]:
        """The features of ``encode``, 30 s at a time and in bounded memory.

        Raises:
            AssetError: as ``encode``.
            MediaError: as ``encode``, once the first piece is asked for.
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
        """Features of one piece of sound, of exactly ``frames`` x 640 finite samples."""

    def _level(self, sound: Sound, frames: int) -> tuple[float, float]:
        """Mean and deviation of the sound, for an encoder that wants 0 and 1; as it is, by default."""
        return 0.0, 1.0


SPEECH_ENCODERS = Registry(
    "speech encoder",
    SpeechEncoder,
    {
        "log_mel": "lt_bench.perception.speech.log_mel:LogMelEncoder",
        "moonshine": "lt_bench.perception.speech.moonshine:MoonshineEncoder",
        "wav2vec2": "lt_bench.perception.speech.wav2vec2:Wav2Vec2Encoder",
    },
)
"""Every speech encoder by name."""
register_speech_encoder = SPEECH_ENCODERS.register


def build_speech_encoder(spec: str) -> SpeechEncoder:
    """Build the encoder that a configuration names, such as ``log_mel`` or ``wav2vec2:PATH``.

    PATH is a local folder in transformers' layout, or the id of a repository on the Hugging Face hub; ``PATH@bf16``
    computes in bfloat16.

    Raises:
        ConfigError: the name is unknown, or a path is missing or too many.
    """
    name, colon, path = spec.partition(":")
    kind = SPEECH_ENCODERS.get(name, "speech_encoder")
    if bool(colon) != kind.takes_path or bool(path) != kind.takes_path:
        raise ConfigError(f"speech_encoder: expected {name}{':PATH' if kind.takes_path else ''}, got '{spec}'")
    return kind.build(path)


def fit_waveform(waveform: ndarray, frames: int) -> Float[ndarray, " fitted"]:
    """Exactly the samples of ``frames`` frames: longer sound is cut, a gap of at most 80 ms at the end is silence.

    Raises:
        MediaError: the sound is shorter than that, or is not mono and finite, or there are no frames.
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
    """The samples of frames ``low`` to ``high``, silence where there are none."""
    part = np.asarray(sound[low * SAMPLES_PER_FRAME : high * SAMPLES_PER_FRAME], dtype=np.float32)
    if not np.isfinite(part).all():
        raise MediaError("sound: expected finite samples, got NaN or infinity")
    return np.pad(part, (0, (high - low) * SAMPLES_PER_FRAME - len(part)))


def sound_level(sound: Sound, frames: int) -> tuple[float, float]:
    """Mean and standard deviation of the samples of ``frames`` frames, in bounded memory."""
    total = squares = 0.0
    for start in range(0, frames, PIECE):
        part = _samples(sound, start, min(frames, start + PIECE)).astype(np.float64)
        total, squares = total + part.sum(), squares + (part**2).sum()
    count = frames * SAMPLES_PER_FRAME
    mean = float(total / count)
    return mean, max(0.0, float(squares / count) - mean**2) ** 0.5


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
    encode: Callable[[Waveform, int], SpeechFeatures], sound: Sound, frames: int, piece: int = PIECE
) -> SpeechFeatures:
    """All of ``pieces`` as one array."""
    return np.concatenate(list(pieces(encode, sound, frames, piece)))


def pieces(
    encode: Callable[[Waveform, int], SpeechFeatures], sound: Sound, frames: int, piece: int = PIECE
) -> Iterator[SpeechFeatures]:
    """Encode sound of any length in bounded memory, ``piece`` frames at a time.

    Attention's memory grows with the square of the length. Sound of at most ``piece`` frames is encoded as a whole;
    longer sound in pieces, each with ``CONTEXT`` more frames on either side that are dropped afterwards.
    """
    for start in range(0, frames, piece):
        stop = min(start + piece, frames)
        low, high = max(0, start - CONTEXT), min(frames, stop + CONTEXT)
        part = encode(_samples(sound, low, high), high - low)
        yield part[start - low : stop - low]
