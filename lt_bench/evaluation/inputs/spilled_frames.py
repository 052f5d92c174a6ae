"""Frames of a video in memory, or beyond a limit in a temporary file of which little is in memory at any time."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
from numpy import ndarray

from lt_bench.shapes import Frames, UInt8

SPILL_BYTES = 32 * 2**20
"""Size in bytes above which the frames of a video are kept in a temporary file (``TMPDIR``)."""


class SpilledFrames(np.memmap):
    """Frames in a file, of which only the most recently used part is in memory."""

    def __getitem__(self, index: Any) -> Any:
        drop, mapping = getattr(mmap, "MADV_DONTNEED", None), getattr(self, "_mmap", None)
        if drop is not None and mapping is not None:
            mapping.madvise(drop)
        found = super().__getitem__(index)
        # A single frame is copied; otherwise each access during its processing would read the file again.
        return np.array(found) if isinstance(index, (int, np.integer)) else found


def gather(frames: Iterable[UInt8[ndarray, "H W 3"]], limit: int = SPILL_BYTES) -> Frames | None:
    """Stack frames of one size: in memory, or beyond ``limit`` bytes in a temporary file.

    Returns None where there are none.
    """
    kept: list[ndarray] = []
    count, shape, file = 0, None, None
    for frame in frames:
        count, shape = count + 1, frame.shape
        kept.append(frame)
        if len(kept) * frame.nbytes > limit:
            file = file or tempfile.TemporaryFile(prefix="lt_bench_frames_")  # noqa: SIM115 (mapped below, then closed)
            _write(kept, file)
    if shape is None:
        return None
    if file is None:
        return np.stack(kept)
    _write(kept, file)
    file.flush()
    with file:
        return SpilledFrames(file, np.uint8, "r", shape=(count, *shape))


def _write(frames: list[ndarray], file: IO[bytes]) -> None:
    for frame in frames:
        file.write(np.ascontiguousarray(frame).data)
    frames.clear()
