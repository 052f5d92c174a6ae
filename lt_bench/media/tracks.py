"""Stored audio tracks: samples mixed to mono, on the file's own timeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from lt_bench.errors import MediaError
from lt_bench.media.checks import check_rate
from lt_bench.media.container import chosen_stream, demux_whole, explain, open_media, seek_packets
from lt_bench.media.mixing import Downmix, channel_to_take
from lt_bench.shapes import Waveform

MAX_GAP_SECONDS = 60
"""Longest accepted gap in a track; a longer gap means broken timestamps, and is not filled with silence."""
MAX_OVERLAP_SECONDS = 1
"""Sound that is stored twice for longer means timestamps that jump back; it is refused rather than dropped."""
_TAGGED, _TAGS = ("mp3", "mp3float", "aac"), (b"ID3", b"TAG", b"APETAGEX")
JITTER_SECONDS = Fraction(1, 10)
"""Timestamps that differ from the count of samples by less than this are considered rounded."""


@dataclass(frozen=True)
class TrackInfo:
    """Information in the header of an audio track."""

    rate: int
    """Samples per second."""
    channels: int


@dataclass(frozen=True)
class TrackPart:
    """Consecutive samples of a decoded audio track, directly after those of the previous part."""

    samples: Waveform
    """Mono float32 at ``rate``; nominally in [-1, 1]."""
    rate: int
    """Hz; the same for all parts."""
    start: Fraction
    """Presentation time of the first sample in seconds, on the timeline shared with the file's video."""


def probe_track(path: Path) -> TrackInfo:
    """Read the header of the audio track that players choose.

    Raises:
        MediaError: the file cannot be opened, or has no audio track.
    """
    with closing(open_media(path)) as container:
        context = _stream(container, path).codec_context
        return TrackInfo(context.sample_rate, context.channels)


def iter_track(
    path: Path, first: Fraction | None = None, last: Fraction | None = None, channel: int | None = None
) -> Iterator[TrackPart]:
    """Decode the audio track of a file that players choose, in constant memory.

    Gaps in the timeline are filled with silence and overlaps are dropped, so that sound stays at its time. Sound with
    several channels is decoded twice, first to check whether its mix would cancel (see ``mixing``).

    Args:
        path: path of the file.
        first: start of the needed sound in seconds on the file's timeline, reached by seeking; None for the start.
        last: end of the needed sound in seconds; slightly more can be returned.
        channel: index of the only channel to read; None mixes all channels.

    Raises:
        MediaError: there is no audio track or no sample, or the track is damaged or changes its layout or rate.
    """
    channel = _channel_to_take(path, first, last) if channel is None else channel
    start, length, padding = Fraction(0), 0, 0
    held: TrackPart | None = None
    with closing(open_media(path)) as container:
        for frame, samples in _mono(_decode(container, path, first), path, channel):
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


def _channel_to_take(path: Path, first: Fraction | None, last: Fraction | None) -> int | None:
    """Return the channel to read if the mix of all channels would cancel, otherwise None."""
    with closing(open_media(path)) as container:
        if _stream(container, path).codec_context.channels < 2:
            return None
        frames = _decode(container, path, first)
        wanted = takewhile(lambda frame: last is None or (_time(frame) or Fraction(0)) < last, frames)
        with explain(path, "audio could not be mixed to mono"):
            return channel_to_take(_of_one_kind(wanted, path))


def _stream(container: InputContainer, path: Path) -> AudioStream:
    stream = chosen_stream(container, "audio", path)
    assert isinstance(stream, AudioStream)
    stream.codec_context.thread_count = 1
    return stream


def _decode(container: InputContainer, path: Path, first: Fraction | None) -> Iterator[AudioFrame]:
    stream, count = _stream(container, path), 0
    packets = demux_whole(container, stream, path) if first is None else seek_packets(container, stream, path, first)
    while True:
        with explain(path, f"audio damaged or cut after {count} frames"):
            packet = next(packets, None)
            frames = [] if packet is None or _is_tag(packet) else stream.decode(packet)
        if packet is None:
            return
        count += len(frames)
        yield from frames


def _is_tag(packet: Packet) -> bool:
    """Whether what FFmpeg takes for sound is a song's name and the like, which lie between MP3 files joined by cat."""
    return packet.stream.codec_context.name in _TAGGED and bytes(packet).startswith(_TAGS)


def _mono(frames: Iterator[AudioFrame], path: Path, channel: int | None) -> Iterator[tuple[AudioFrame, np.ndarray]]:
    """Yield each frame with its samples as mono float32; formats and layouts are mixed, rates are kept."""
    downmix = Downmix(channel)
    for frame in _of_one_kind(frames, path):
        with explain(path, "audio could not be mixed to mono"):
            samples = downmix.mono(frame)
        yield frame, samples


def _of_one_kind(frames: Iterator[AudioFrame], path: Path) -> Iterator[AudioFrame]:
    first: tuple[object, ...] | None = None
    for frame in frames:
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if first is not None and kind != first:
            raise MediaError(
                f"{path}: expected audio of one kind, got {first} and then {kind}; encode it again with ffmpeg -ar -ac"
            )
        if first is None:
            check_rate(frame.sample_rate, str(path))
        first = kind
        yield frame


def _time(frame: AudioFrame) -> Fraction | None:
    return None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _padding(frame: AudioFrame) -> int:
    """Return the samples at the end of an mp4's last frame that pad a codec block and are not part of the sound."""
    if not frame.duration or frame.time_base is None:
        return 0
    return max(0, frame.samples - round(frame.duration * frame.time_base * frame.sample_rate))


def _in_place(samples: np.ndarray, time: Fraction | None, expected: Fraction, rate: int, path: Path) -> np.ndarray:
    if time is None or abs(time - expected) <= JITTER_SECONDS:
        return samples
    if expected - time > MAX_OVERLAP_SECONDS:
        raise MediaError(
            f"{path}: expected audio timestamps that go forward, got ones that jump back from {float(expected):.3f} s "
            f"to {float(time):.3f} s, as in files joined by cat; join them with ffmpeg -f concat"
        )
    if time - expected > MAX_GAP_SECONDS:
        raise MediaError(
            f"{path}: expected audio without holes of over {MAX_GAP_SECONDS} s, got one at {float(expected):.3f} s; "
            "cut it there"
        )
    hole = round((time - expected) * rate)
    return np.pad(samples, (hole, 0)) if hole > 0 else samples[-hole:]
