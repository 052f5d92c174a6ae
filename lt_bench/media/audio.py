"""Reading of sound as mono float samples at one rate, aligned to its video, and writing of WAV files."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import AudioFrame, AudioResampler

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.errors import MediaError
from lt_bench.files import atomic_path
from lt_bench.media.checks import FULL_SCALE, check_rate, check_waveform
from lt_bench.media.container import explain
from lt_bench.media.resampling import Span
from lt_bench.media.sound import SpooledSound
from lt_bench.media.tracks import MAX_GAP_SECONDS, TrackPart, iter_track
from lt_bench.media.video import first_frame_time
from lt_bench.shapes import Waveform


def read_audio(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE, span: Span | None = None) -> Waveform:
    """Read a file's audio track as mono float32 in [-1, 1], shape (samples,): the default one, else the first.

    In a video, sample 0 is at the presentation time of the first frame. Earlier sound is cut, and missing sound is
    silence. In other files, sample 0 is the first stored sample. The track's own end is kept, not the video's. Channels
    are mixed by libswresample's standard matrix, normalized so that full scale stays full scale. If they would cancel,
    the loudest channel is used (``mixing``). Overshoot of lossy codecs is clipped. With a ``span``, sample 0 is at its
    start and only its sound is decoded.

    Raises:
        MediaError: the file cannot be opened, has no audio track, no samples, NaN or infinite samples, or is damaged.
    """
    return np.concatenate(list(iter_audio(path, sample_rate, span)))


def iter_audio(
    path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE, span: Span | None = None, channel: int | None = None
) -> Iterator[Waveform]:
    """Yield the samples of ``read_audio`` in short runs, in constant memory; with a ``channel``, only that channel.

    Raises:
        MediaError: same as ``read_audio``, during the iteration.
    """
    path = Path(path)
    check_rate(sample_rate, str(path))
    resampler, count = None, 0
    for part in _parts(path, span, channel):
        check_waveform(part.samples, str(path), first=count)
        count += len(part.samples)
        resampler = resampler or _Resampler(part.rate, sample_rate)
        with explain(path, "audio could not be resampled"):
            resampled = resampler.push(part.samples)
        yield np.clip(resampled, -1.0, 1.0)
    if resampler is None:
        raise MediaError(
            f"{path}: expected sound during the video, got an audio track that ends before the first frame"
        )
    with explain(path, "audio could not be resampled"):
        resampled = resampler.finish()
    yield np.clip(resampled, -1.0, 1.0)


def spool_audio(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    sample_rate: int = SAMPLE_RATE,
    channel: int | None = None,
) -> SpooledSound:
    """Store the samples of ``iter_audio`` in a temporary file in ``folder``, in constant memory.

    Raises:
        MediaError: same as ``read_audio``, or the folder cannot be written.
    """
    return SpooledSound(iter_audio(path, sample_rate, channel=channel), folder)


def resample_waveform(samples: Waveform, rate: int, sample_rate: int) -> Waveform:
    """Resample mono float samples from ``rate`` to ``sample_rate`` Hz with band limiting (libswresample).

    The result has round(samples * sample_rate / rate) samples; sample 0 stays at time 0.
    """
    resampler = _Resampler(rate, sample_rate)
    return np.concatenate([resampler.push(samples), resampler.finish()])


class _Resampler:
    """``resample_waveform`` for sound that arrives in runs."""

    def __init__(self, rate: int, sample_rate: int) -> None:
        self._rates, self._taken, self._given = (rate, sample_rate), 0, 0
        options = {"filter_size": "64"}
        self._inner = AudioResampler(format="flt", layout="mono", rate=sample_rate, options=options)

    def push(self, samples: Waveform) -> Waveform:
        """Return the samples that are determined so far; some samples of the end are held back."""
        given = np.ascontiguousarray(samples, dtype=np.float32)
        if self._rates[0] != self._rates[1]:
            frame = AudioFrame.from_ndarray(given[None], format="flt", layout="mono")
            frame.sample_rate, frame.time_base = self._rates[0], Fraction(1, self._rates[0])
            frame.pts = self._taken
            given = self._joined(self._inner.resample(frame))
        self._taken += len(samples)
        self._given += len(given)
        return given

    def finish(self) -> Waveform:
        """Return the remaining samples."""
        wanted = max(1, round(self._taken * self._rates[1] / self._rates[0])) - self._given
        rest = np.zeros(0, np.float32) if self._rates[0] == self._rates[1] else self._joined(self._inner.resample(None))
        return np.pad(rest[:wanted], (0, max(0, wanted - len(rest))))

    @staticmethod
    def _joined(frames: list[AudioFrame]) -> Waveform:
        parts = [frame.to_ndarray()[0] for frame in frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def write_wav(path: str | os.PathLike[str], audio: Waveform, sample_rate: int = SAMPLE_RATE) -> None:
    """Write mono float audio in [-1, 1] as 16-bit PCM; the file appears whole or not at all.

    Raises:
        MediaError: the audio is empty, not finite, beyond [-1, 1] or not mono float, or the rate is out of range.
    """
    check_waveform(audio, str(path), peak=FULL_SCALE)
    check_rate(sample_rate, str(path))
    # 32768 levels per side, as readers assume: 16-bit samples are preserved exactly, except +1.0.
    pcm = np.clip(np.rint(audio.astype(np.float64) * 32768), -32768, 32767).astype("<i2")
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(sample_rate)
        stream.writeframes(pcm.tobytes())


def _parts(path: Path, span: Span | None, channel: int | None) -> Iterator[TrackPart]:
    """Yield the parts of the track from time zero, which is the span's start or a video's first frame."""
    zero = first_frame_time(path)
    first = last = None
    if span is not None:
        zero = first = (zero or Fraction(0)) + span.start
        last = None if span.stop is None else zero + span.stop - span.start
    parts = _from_zero(iter_track(path, first, last, channel), zero, path)
    return parts if first is None or last is None else _limited(parts, last - first)


def _from_zero(parts: Iterator[TrackPart], zero: Fraction | None, path: Path) -> Iterator[TrackPart]:
    early = 0
    for index, part in enumerate(parts):
        if index == 0 and zero is not None:
            offset = round((part.start - zero) * part.rate)
            early = max(0, -offset)
            if offset > MAX_GAP_SECONDS * part.rate:
                late = f"got one that starts {offset / part.rate:.0f} s after the video"
                raise MediaError(f"{path}: expected an audio track without a gap of over {MAX_GAP_SECONDS} s, {late}")
            if offset > 0:  # silence where the track starts later
                yield replace(part, samples=np.zeros(offset, np.float32))
        dropped = min(early, len(part.samples))
        early -= dropped
        if dropped < len(part.samples):
            yield replace(part, samples=part.samples[dropped:])


def _limited(parts: Iterator[TrackPart], seconds: Fraction) -> Iterator[TrackPart]:
    count = 0
    for part in parts:
        left = round(seconds * part.rate) - count
        count += len(part.samples)
        if left > 0:
            yield replace(part, samples=part.samples[:left])
