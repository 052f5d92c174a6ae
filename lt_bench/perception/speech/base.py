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
# Lossy containers shorten a sound track by up to one of their blocks: 1,024 samples for AAC, 1,152 for MP2.
FORGIVEN_SAMPLES = 2 * SAMPLES_PER_FRAME
PIECE, CONTEXT = 750, 50
"""Frames that attention sees at once: 30 s, and 2 s more on either side; longer sound is encoded piece by piece."""


class SpeechEncoder(ABC):
    """Converts 16 kHz sound to features at 25 Hz; frozen, and cheap to send to a worker before its first use."""

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
        """Return the hex SHA-256 of everything that affects the numbers: weights, or settings and constants."""

    @property
    @abstractmethod
    def layers(self) -> int:
        """Return the number of layers of features per frame."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Return the number of features of a layer."""

    def to(self, device: torch.device) -> Self:
        """This encoder, computing on a device from now on; one without a network that PyTorch runs stays on the CPU."""
        return self

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
