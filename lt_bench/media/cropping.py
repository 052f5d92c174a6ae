"""The part of a stored picture that its container says is shown: MP4's clean aperture, Matroska's PixelCrop elements.

FFmpeg reads both, but PyAV does not pass them on; so the few bytes are read here. Data of
another form is ignored: FFmpeg has opened the file, and decodes it or reports the damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.video.stream import VideoStream

_MOST_PARTS = 10_000
"""Atoms or elements of one level that are looked at; a file of more is damaged."""
_SAMPLE_ENTRY = 78
"""Bytes of a video sample entry before its own atoms."""
_SEGMENT, _TRACKS, _TRACK, _TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
_BOTTOM, _TOP, _LEFT, _RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
_VIDEO_TRACK = 1


@dataclass(frozen=True)
class Margins:
    """Pixels of a stored picture that are not shown, at each of its edges."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


def hidden_margins(path: Path, container: str, stream: VideoStream) -> Margins:
    """Read what a file's container hides of the pictures of a video stream.

    Args:
        path: the file.
        container: FFmpeg's name of its format.
        stream: of it.
    """
    if "mp4" not in container and "matroska" not in container:
        return Margins()
    with path.open("rb") as file:
        whole = _Span(0, path.stat().st_size)
        if "mp4" in container:
            return _clean_aperture(file, whole, stream.id)
        tracks = [s for s in stream.container.streams.video if s.index <= stream.index]
        return _pixel_crop(file, whole, len(tracks) - 1)


@dataclass(frozen=True)
class _Span:
    """Some bytes of a file."""

    start: int
    stop: int


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


# MP4 (ISO/IEC 14496-12): atoms of a 4-byte size and a 4-byte name.


def _clean_aperture(file: BinaryIO, whole: _Span, track_id: int) -> Margins:
    for track in _atoms(file, whole, b"moov", b"trak"):
        header = next(_atoms(file, track, b"tkhd"), None)
        if header is None or _track_id(file, header) != track_id:
            continue
        for table in _atoms(file, track, b"mdia", b"minf", b"stbl", b"stsd"):
            # After version, flags and count: the first sample entry, which begins like an atom.
            entry = next(_children(file, _Span(table.start + 8, table.stop)), None)
            if entry is None:
                continue
            _, body = entry
            sides = _read(file, body.start + 24, 4)
            width, height = (int.from_bytes(sides[k : k + 2], "big") for k in (0, 2))
            for aperture in _atoms(file, _Span(body.start + _SAMPLE_ENTRY, body.stop), b"clap"):
                return _margins_of(_read(file, aperture.start, 32), width, height)
    return Margins()


def _track_id(file: BinaryIO, header: _Span) -> int:
    version = _read(file, header.start, 1)
    return int.from_bytes(_read(file, header.start + (20 if version == b"\1" else 12), 4), "big")


def _margins_of(aperture: bytes, width: int, height: int) -> Margins:
    """The margins around a clean aperture: its size and its centre's offset, as fractions (14496-12, 12.1.4)."""
    if len(aperture) < 32:
        return Margins()
    numbers = struct.unpack(">IIIIiIiI", aperture)
    if not all(numbers[1::2]):
        return Margins()
    wide, high, across, down = (Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True))
    left, top = round((width - wide) / 2 + across), round((height - high) / 2 + down)
    return _inside(Margins(left, top, width - left - round(wide), height - top - round(high)), width, height)


def _atoms(file: BinaryIO, span: _Span, name: bytes, *below: bytes) -> Iterator[_Span]:
    """The bodies of the atoms of a name, or of those of a path of names."""
    for found, body in _children(file, span):
        if found == name:
            if below:
                yield from _atoms(file, body, *below)
            else:
                yield body


def _children(file: BinaryIO, span: _Span) -> Iterator[tuple[bytes, _Span]]:
    place = span.start
    for _ in range(_MOST_PARTS):
        head = _read(file, place, 16)
        if place + 8 > span.stop or len(head) < 8:
            return
        size, name, begin = struct.unpack(">I", head[:4])[0], head[4:8], 8
        if size == 1 and len(head) == 16:
            size, begin = struct.unpack(">Q", head[8:])[0], 16
        stop = span.stop if size == 0 else place + size  # 0: to the end
        if size and size < begin:
            return
        yield name, _Span(place + begin, min(stop, span.stop))
        place = stop


# Matroska (RFC 9559): EBML elements of a number and a size, both of variable length (RFC 8794).


def _pixel_crop(file: BinaryIO, whole: _Span, number: int) -> Margins:
    """The crop of the video track of a number, from 0."""
    seen = 0
    for track in _elements(file, whole, _SEGMENT, _TRACKS, _TRACK):
        parts = dict(_parts(file, track))
        if _TYPE not in parts or _integer(file, parts[_TYPE]) != _VIDEO_TRACK or _VIDEO not in parts:
            continue
        if seen == number:
            sizes = {name: _integer(file, body) for name, body in _parts(file, parts[_VIDEO])}
            edges = (sizes.get(name, 0) for name in (_LEFT, _TOP, _RIGHT, _BOTTOM))
            return _inside(Margins(*edges), sizes.get(0xB0, 0), sizes.get(0xBA, 0))
        seen += 1
    return Margins()


def _integer(file: BinaryIO, body: _Span) -> int:
    return int.from_bytes(_read(file, body.start, min(8, body.stop - body.start)), "big")


def _elements(file: BinaryIO, span: _Span, name: int, *below: int) -> Iterator[_Span]:
    for found, body in _parts(file, span):
        if found == name:
            if below:
                yield from _elements(file, body, *below)
            else:
                yield body


def _parts(file: BinaryIO, span: _Span) -> Iterator[tuple[int, _Span]]:
    place = span.start
    for _ in range(_MOST_PARTS):
        head = _read(file, place, 12)
        if place >= span.stop or not head or not head[0]:
            return
        name_length = 9 - head[0].bit_length()
        marked = head[name_length : name_length + 1]
        if name_length > 4 or not marked or not marked[0]:
            return
        size_length = 9 - marked[0].bit_length()
        begin = place + name_length + size_length
        size = int.from_bytes(head[name_length : name_length + size_length], "big") - (1 << 7 * size_length)
        unknown = size == (1 << 7 * size_length) - 1  # all ones: to the end
        stop = span.stop if unknown else min(begin + size, span.stop)
        yield int.from_bytes(head[:name_length], "big"), _Span(begin, stop)
        place = stop


def _inside(margins: Margins, width: int, height: int) -> Margins:
    """The margins, or none where they do not leave a picture of this size."""
    edges = margins.left, margins.top, margins.right, margins.bottom
    room = margins.left + margins.right < width and margins.top + margins.bottom < height
    return margins if min(edges) >= 0 and room else Margins()
