"""An audio track as it is stored: its samples, mixed to mono, on the file's own timeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import AudioFrame, AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from lt_bench.errors import MediaError
from lt_bench.media.checks import check_rate
from lt_bench.media.container import demux_whole, explain, first_stream, open_media, seek_packets
from lt_bench.shapes import Waveform

MAX_GAP_SECONDS = 60
"""A longer hole in a track means broken timestamps; it is refused rather than filled with silence."""
JITTER_SECONDS = Fraction(1, 10)
"""Timestamps that disagree with the count of samples by less than this are taken as rounding."""


@dataclass(frozen=True)
class TrackPart:
    """Some samples of a decoded audio track, right after those of the part before."""

    samples: Waveform
    """Mono float32 at ``rate``; nominally in [-1, 1]."""
    rate: int
    """Hz; the same for all parts."""
    start: Fraction
    """Presentation time of the first sample in seconds, on the timeline that the file's video shares."""


def iter_track(path: Path, first: Fraction | None = None, last: Fraction | None = None) -> Iterator[TrackPart]:
    """Decode the first audio track of a file, in constant memory.

    Holes in the timeline are filled with silence, overlaps dropped, so that sound stays at its time.

    Args:
        path: the file.
        first: seconds on the file's timeline from which on sound is wanted, reached by seeking; None: from the start.
        last: seconds until which sound is wanted; a little more may come.

    Raises:
        MediaError: no audio track, no samples, damage, or a layout or rate that changes on the way.
    """
    with closing(open_media(path)) as container:
        stream = first_stream(container, "audio", path)
        assert isinstance(stream, AudioStream)
        start, length, padding = Fraction(0), 0, 0
        held: TrackPart | None = None
        packets = None if first is None else seek_packets(container, stream, path, first)
        for frame, samples in _mono(_decode(container, stream, path, packets), path):
            if last is not None and (_time(frame) or Fraction(0)) >= last:
                padding = 0
                break
            rate = frame.sample_rate
            if held is None:
                start = _time(frame) or Fraction(0)
            else:
                yield held
            expected = start + Fraction(length, rate)
            held = TrackPart(_in_place(samples, _time(frame), expected, rate, path), rate, expected)
            length += len(held.samples)
            padding = _padding(frame) if "mp4" in container.format.name else 0
    if held is None or not length:
        raise MediaError(f"{path}: expected audio samples, got an audio track with none")
    yield replace(held, samples=held.samples[: max(0, len(held.samples) - padding)])


def _decode(
    container: InputContainer, stream: AudioStream, path: Path, packets: Iterator[Packet] | None
) -> Iterator[AudioFrame]:
    stream.codec_context.thread_count = 1
    count = 0
    packets = demux_whole(container, stream, path) if packets is None else packets
    while True:
        with explain(path, f"audio damaged or cut after {count} frames"):
            packet = next(packets, None)
            frames = [] if packet is None else stream.decode(packet)
        if packet is None:
            return
        count += len(frames)
        yield from frames


def _mono(frames: Iterator[AudioFrame], path: Path) -> Iterator[tuple[AudioFrame, np.ndarray]]:
    """Each frame with its samples as mono float32; formats and layouts are mixed, rates kept."""
    # rematrix_maxval: with float output, libswresample would otherwise mix two equal channels to 1.41 of full scale.
    mixer = AudioResampler(format="flt", layout="mono", options={"rematrix_maxval": "1.0"})
    first: tuple[object, ...] | None = None
    for frame in frames:
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if first is not None and kind != first:
            raise MediaError(f"{path}: expected audio of one kind, got {first} and then {kind}")
        if first is None:
            check_rate(frame.sample_rate, str(path))
        first = kind
        with explain(path, "audio could not be mixed to mono"):
            mixed = mixer.resample(frame)
        yield frame, np.concatenate([part.to_ndarray()[0] for part in mixed]).astype(np.float32)


def _time(frame: AudioFrame) -> Fraction | None:
    return None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _padding(frame: AudioFrame) -> int:
    """Samples at the end of an mp4's last frame that fill up a codec block and are no part of the sound."""
    if not frame.duration or frame.time_base is None:
        return 0
    return max(0, frame.samples - round(frame.duration * frame.time_base * frame.sample_rate))


def _in_place(samples: np.ndarray, time: Fraction | None, expected: Fraction, rate: int, path: Path) -> np.ndarray:
    if time is None or abs(time - expected) <= JITTER_SECONDS:
        return samples
    if time - expected > MAX_GAP_SECONDS:
        raise MediaError(
            f"{path}: expected audio without holes of over {MAX_GAP_SECONDS} s, got one at {float(expected):.3f} s"
        )
    hole = round((time - expected) * rate)
    return np.pad(samples, (hole, 0)) if hole > 0 else samples[-hole:]
