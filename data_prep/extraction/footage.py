"""A real video's frames: decoded once for landmarks and cuts, kept while they fit, else decoded once more for the crop.

Memory does not grow with the length of a video: of each frame only its faces stay, of each second a thumbnail.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from data_prep.datasets.jobs import VideoJob
from data_prep.extraction.scenes import SceneCutter
from lt_bench.conventions import FPS
from lt_bench.media.resampling import Span
from lt_bench.media.video import iter_frames
from lt_bench.perception.faces import Face, FaceLandmarker
from lt_bench.shapes import Frames

HELD_BYTES = 256_000_000
"""Decoded frames that are kept in memory; a longer video is decoded a second time."""
THUMBNAIL_EVERY = FPS
THUMBNAIL_WIDTH = 256


class Footage:
    """One pass over the frames of a job at 25 fps; afterwards they can be had once more, in ascending order.

    Args:
        job: the video and the part of it.
        limit: frames to look at, at most.
        landmarker: finds the faces of every frame, once.
        scene_threshold: see ``SceneCutter``.

    Raises:
        MediaError: the video is damaged.
    """

    def __init__(self, job: VideoJob, limit: int, landmarker: FaceLandmarker, scene_threshold: float) -> None:
        self.path, self.span = job.path, job_span(job)
        self.faces: list[list[Face]] = []
        """Of each frame."""
        self.height = self.width = 0
        self._held: list[ndarray] | None = []
        self._thumbnails: list[ndarray] = []
        cutter = SceneCutter(scene_threshold)
        with closing(iter_frames(self.path, span=self.span)) as frames:
            for frame in islice(frames, limit):
                cutter.add(frame)
                self.faces.append(landmarker.detect(frame))
                self._keep(frame)
        self.cuts, self.black = cutter.cuts, cutter.black
        self._stream: Generator[ndarray, None, None] | None = None
        self._position = 0

    @property
    def count(self) -> int:
        """Frames looked at."""
        return len(self.faces)

    def frames(self, start: int, stop: int) -> Iterator[UInt8[ndarray, "H W 3"]]:
        """Frames ``start`` to ``stop`` (exclusive); a later call may not start before an earlier one's last frame."""
        if self._held is not None:
            yield from self._held[start:stop]
            return
        if self._stream is None:
            self._stream = iter_frames(self.path, span=self.span)
        assert start >= self._position
        while self._position < stop and (frame := next(self._stream, None)) is not None:
            self._position += 1
            if self._position > start:
                yield frame

    def part(self, start: int, stop: int) -> Frames:
        """Frames ``start`` to ``stop`` (exclusive) at once, whatever is read beside; reached by seeking if not held."""
        if self._held is not None:
            return np.stack(self._held[start:stop])
        first = Fraction(0) if self.span is None else self.span.start
        span = Span(first + Fraction(start, FPS), first + Fraction(stop, FPS))
        with closing(iter_frames(self.path, span=span)) as frames:
            return np.stack(list(islice(frames, stop - start)))

    def thumbnail(self, frame: int) -> tuple[UInt8[ndarray, "h w 3"], float]:
        """A small picture from about that frame, and its scale."""
        picture = self._thumbnails[min(frame // THUMBNAIL_EVERY, len(self._thumbnails) - 1)]
        return picture.copy(), picture.shape[1] / self.width

    def close(self) -> None:
        """Close the video."""
        if self._stream is not None:
            self._stream.close()
        self._held = None

    def __enter__(self) -> Footage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _keep(self, frame: ndarray) -> None:
        self.height, self.width = frame.shape[:2]
        if (self.count - 1) % THUMBNAIL_EVERY == 0:
            self._thumbnails.append(shrink(frame))
        if self._held is not None:
            if (len(self._held) + 1) * frame.nbytes > HELD_BYTES:
                self._held = None
            else:
                self._held.append(frame)


def job_span(job: VideoJob) -> Span | None:
    """The part of the video that a job is about; None for all of it."""
    return None if (job.start, job.stop) == (0.0, None) else Span.of_seconds(job.start, job.stop)


def first_picture(path: Path, span: Span | None) -> UInt8[ndarray, "h w 3"]:
    """A small picture of where a job starts.

    Raises:
        MediaError: it cannot be decoded.
    """
    with closing(iter_frames(path, span=span)) as frames:
        return shrink(next(frames))


def shrink(frame: UInt8[ndarray, "H W 3"]) -> UInt8[ndarray, "h w 3"]:
    """The frame at the width of a thumbnail."""
    size = (THUMBNAIL_WIDTH, max(1, round(THUMBNAIL_WIDTH * frame.shape[0] / frame.shape[1])))
    return np.ascontiguousarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
