"""Opening, stream selection and demuxing of media files, with one-line errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from lt_bench.errors import MediaError
from lt_bench.media.announced import announces_length

# FFmpeg opens these formats without an error, but a text file or a single picture is not a video.
_NOT_MEDIA = {"tty", "image2", "ico"}
_INDEXED = ("mp4", "matroska")
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_SIDE_TRACKS = (
    Disposition.comment | Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.descriptions
)
SEEK_MARGIN = Fraction(1)
"""Seconds to seek before the target, because leading pictures of an open group cannot be decoded after a jump."""


@contextmanager
def explain(path: Path, doing: str) -> Iterator[None]:
    """Convert FFmpeg's errors inside the block to a ``MediaError`` that names the file and the operation."""
    try:
        yield
    except av.EOFError as error:
        raise MediaError(f"{path}: {doing}: 0 frames in it") from error
    except av.FFmpegError as error:
        raise MediaError(f"{path}: {doing}: {error.strerror or type(error).__name__}") from error


def open_media(path: str | os.PathLike[str], kind: str = "video or sound") -> InputContainer:
    """Open a local file for reading; the caller closes it.

    Args:
        path: path of the file. Only files are opened, never a URL, a device or a pipe.
        kind: expected kind of file, for error messages.

    Raises:
        MediaError: the file is missing, a folder, empty, unreadable or not a container of video or sound.
    """
    path = Path(path)
    if not path.exists():
        raise MediaError(f"{path}: expected a {kind} file, got nothing at that path")
    if not path.is_file():
        raise MediaError(f"{path}: expected a {kind} file, got {'a folder' if path.is_dir() else 'a special file'}")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: expected a {kind} file, got 0 bytes")
    with explain(path, f"expected a {kind} file, got an unreadable one"):
        # "file:" prevents names with a colon from being read as a protocol; playlists cannot access the network either.
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    name = container.format.name
    if name in _NOT_MEDIA or name.endswith("_pipe"):
        container.close()
        raise MediaError(f"{path}: expected a {kind} file, got {'text' if name == 'tty' else 'a picture'}")
    return container


def chosen_stream(container: InputContainer, kind: str, path: Path) -> Stream:
    """Return the stream of a kind ("video" or "audio") that players choose: the default stream, otherwise the first.

    A song's cover picture is not a video stream. Commentary and tracks for people with impaired hearing or vision are
    only used if there is no other track.

    Raises:
        MediaError: there is no such stream, or FFmpeg does not know its codec.
    """
    streams = _streams(container, kind)
    if not streams:
        raise MediaError(f"{path}: expected a file with {kind}, got no {kind} track")
    stream = min(streams, key=_rank)
    if stream.codec_context is None:
        raise MediaError(f"{path}: expected {kind} in a known codec, got an unknown one")
    return stream


def has_stream(container: InputContainer, kind: str) -> bool:
    """Return whether there is a stream of a kind ("video" or "audio")."""
    return bool(_streams(container, kind))


def _streams(container: InputContainer, kind: str) -> list[Stream]:
    return [s for s in container.streams if s.type == kind and not s.disposition & _PICTURES]


def _rank(stream: Stream) -> tuple[bool, bool, int]:
    return bool(stream.disposition & _SIDE_TRACKS), not stream.disposition & Disposition.default, stream.index


def demux_whole(container: InputContainer, stream: Stream, path: Path) -> Iterator[Packet]:
    """Yield the packets of one stream up to its end, then one that flushes the decoder.

    The demuxer often just ends early for a truncated file. The end is therefore compared with the length in the header,
    if there is one (``announces_length``).

    Raises:
        MediaError: a packet is damaged, or the file ends before the end stated in its header.
    """
    count, end = 0, 0.0
    stated = announces_length(path, container.format.name)
    for packet in container.demux():
        time = packet.dts if packet.pts is None else packet.pts
        if time is not None and packet.time_base is not None:
            end = max(end, float((time + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index != stream.index:
            continue
        _check_packet(packet, path, count, stated)
        count += packet.size > 0
        yield packet
    name = container.format.name
    # Only mp4 has an exact list of packets (its number of frames is counted before edit lists). AVI and Matroska state
    # a duration. Other formats estimate it, so it proves nothing.
    if "mp4" in name and count < len(stream.index_entries):
        raise MediaError(f"{path}: expected {len(stream.index_entries)} {stream.type} packets, got {count}: it is cut")
    announced = (container.duration or 0) / av.time_base
    if ("matroska" in name or name == "avi") and stated and announced - end > _slack(container):
        raise MediaError(f"{path}: expected {announced:.2f} s as its header says, got {end:.2f} s: it is cut")


def seek_packets(container: InputContainer, stream: Stream, path: Path, time: Fraction) -> Iterator[Packet]:
    """Yield the packets of one stream from a point before ``time`` (s, the file's own timeline), then one that flushes.

    Nothing is compared with the header, because a part of a file says nothing about the rest. Formats without an exact
    index are read from the current position, so the container must be freshly opened.

    Raises:
        MediaError: the file does not support seeking, or a packet is damaged.
    """
    if any(name in container.format.name for name in _INDEXED):
        with explain(path, f"could not be sought to {float(time):.3f} s"):
            container.seek(max(0, int((time - SEEK_MARGIN) * av.time_base)))
    stated = announces_length(path, container.format.name)
    for count, packet in enumerate(container.demux(stream)):
        _check_packet(packet, path, count, stated)
        yield packet


def _check_packet(packet: Packet, path: Path, count: int, stated: bool) -> None:
    """Refuse a packet that is shorter than its header states, except the last packet of a file of open length."""
    if packet.is_corrupt and stated:
        raise MediaError(f"{path}: expected a whole file, got a damaged or cut {packet.stream.type} packet {count}")


def _slack(container: InputContainer) -> float:
    """Return the seconds that a stated duration can exceed the last packet, whose own duration is often not stored."""
    rates = [float(stream.average_rate) for stream in container.streams.video if stream.average_rate]
    return max([0.1, *(2.5 / rate for rate in rates)])
