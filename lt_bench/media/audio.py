"""Reading sound as mono float samples at one rate, aligned to its video; writing WAV files."""

from __future__ import annotations

import os
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import AudioFrame, AudioResampler

from lt_bench.errors import MediaError
from lt_bench.files import atomic_path
from lt_bench.media.checks import FULL_SCALE, check_waveform
from lt_bench.media.container import explain
from lt_bench.media.resampling import Span
from lt_bench.media.tracks import read_track
from lt_bench.media.video import first_frame_time
from lt_bench.shapes import Waveform

_RATES = (1000, 768_000)


def read_audio(path: str | os.PathLike[str], sample_rate: int = 16000, span: Span | None = None) -> Waveform:
    """Read the first audio track of any container as mono float32 in [-1, 1], shape (samples,).

    In a video, sample 0 is at the presentation time of the first frame: sound from before it is cut, missing sound is
    silence. Elsewhere sample 0 is the first stored. The end is the track's own, not the video's. Channels are mixed by
    libswresample's standard matrix, normalised so that full scale stays full scale;
    overshoot of lossy codecs is clipped. With a ``span``, sample 0 is at its start and only its sound is decoded.

    Raises:
        MediaError: the file cannot be opened, has no audio track, no samples, NaN or infinite samples, or is damaged.
    """
    path = Path(path)
    _check_rate(sample_rate, str(path))
    zero = first_frame_time(path)
    first = last = None
    if span is not None:
        zero = first = (zero or Fraction(0)) + span.start
        last = None if span.stop is None else zero + span.stop - span.start
    track = read_track(path, first, last)
    check_waveform(track.samples, str(path))
    samples = track.samples if zero is None else _start_at(track.samples, round((track.start - zero) * track.rate))
    if not len(samples):
        raise MediaError(
            f"{path}: expected sound during the video, got an audio track that ends before the first frame"
        )
    if first is not None and last is not None:
        samples = samples[: round((last - first) * track.rate)]
    with explain(path, "audio could not be resampled"):
        return np.clip(resample_waveform(samples, track.rate, sample_rate), -1.0, 1.0)


def resample_waveform(samples: Waveform, rate: int, sample_rate: int) -> Waveform:
    """Band-limited resampling (libswresample) of mono float samples from ``rate`` to ``sample_rate`` Hz.

    The result has round(samples * sample_rate / rate) samples; sample 0 stays at time 0.
    """
    if rate == sample_rate:
        return np.asarray(samples, dtype=np.float32)
    resampler = AudioResampler(format="flt", layout="mono", rate=sample_rate, options={"filter_size": "64"})
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples, dtype=np.float32)[None], format="flt", layout="mono")
    frame.sample_rate = rate
    parts = [out.to_ndarray()[0] for given in (frame, None) for out in resampler.resample(given)]
    result = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    wanted = max(1, round(len(samples) * sample_rate / rate))
    return np.pad(result[:wanted], (0, max(0, wanted - len(result))))


def write_wav(path: str | os.PathLike[str], audio: Waveform, sample_rate: int = 16000) -> None:
    """Write mono float audio in [-1, 1] as 16-bit PCM; the file appears whole or not at all.

    Raises:
        MediaError: the audio is empty, not finite, beyond [-1, 1] or not mono float, or the rate is out of range.
    """
    check_waveform(audio, str(path), peak=FULL_SCALE)
    _check_rate(sample_rate, str(path))
    # 32768 levels a side, as readers assume: 16-bit samples come back exactly; +1.0 is the one value that cannot.
    pcm = np.clip(np.rint(audio.astype(np.float64) * 32768), -32768, 32767).astype("<i2")
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(sample_rate)
        stream.writeframes(pcm.tobytes())


def _start_at(samples: Waveform, offset: int) -> Waveform:
    """Move sound that starts ``offset`` samples after time zero (before it, when negative) to start at zero."""
    return np.pad(samples, (offset, 0)) if offset > 0 else samples[-offset:] if offset < 0 else samples


def _check_rate(sample_rate: int, where: str) -> None:
    if not _RATES[0] <= sample_rate <= _RATES[1]:
        raise MediaError(f"{where}: expected a sample rate of {_RATES[0]} to {_RATES[1]} Hz, got {sample_rate}")
