"""Detection of placeholder lengths in the headers of media files.

A program that writes to a pipe cannot go back and fill in the length, so the header keeps a placeholder: 0, or the
largest value of the field minus the bytes of the header. Such a file ends with its last byte.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

HEADER_ROOM = 4096
"""Distance of placeholders from the largest value of their field, because programs subtract the preceding bytes."""
_MOST_CHUNKS = 1000


def announces_length(path: Path, container: str) -> bool:
    """Return whether a file's header states a length that can be compared with its bytes.

    Args:
        path: path of the file.
        container: FFmpeg's name of the format. For formats other than WAV, AVI and CAF the result is True, because
            FFmpeg itself recognizes an open length there.
    """
    if container not in _SIZES:
        return True
    with path.open("rb") as file:
        size = _SIZES[container](file)
    return size is None or not _is_placeholder(size, path.stat().st_size)


def _is_placeholder(size: int, whole: int) -> bool:
    if size == 0:
        return True
    tops = (2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)
    return size > whole and any(top - HEADER_ROOM <= size <= top for top in tops)


def _riff_size(file: BinaryIO) -> int | None:
    head = file.read(8)
    return None if len(head) < 8 else struct.unpack("<I", head[4:])[0]


def _wav_size(file: BinaryIO) -> int | None:
    """Read the size of the data chunk; for RF64, the size in its ds64 chunk."""
    head = file.read(12)
    order = ">" if head[:4] == b"RIFX" else "<"
    long_size = None
    for _ in range(_MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        name, size = chunk[:4], struct.unpack(f"{order}I", chunk[4:])[0]
        if name == b"data":
            return size if long_size is None or size != 2**32 - 1 else long_size
        if name == b"ds64":
            body = file.read(16)
            long_size = struct.unpack("<Q", body[8:])[0] if len(body) == 16 else None
            file.seek(-len(body), 1)
        file.seek(size + size % 2, 1)
    return None


def _caf_size(file: BinaryIO) -> int | None:
    file.seek(8)
    for _ in range(_MOST_CHUNKS):
        chunk = file.read(12)
        if len(chunk) < 12:
            return None
        size = struct.unpack(">Q", chunk[4:])[0]
        if chunk[:4] == b"data" or size >= 2**63:
            return size
        file.seek(size, 1)
    return None


_SIZES = {"wav": _wav_size, "avi": _riff_size, "caf": _caf_size}
