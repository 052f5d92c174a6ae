"""Decode a video once, at the protocol's rate and size, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy import ndarray

from lt_bench.errors import MediaError
from lt_bench.evaluation.inputs.clip_context import Tools, UnscorableError, to_size
from lt_bench.evaluation.inputs.spilled_frames import gather
from lt_bench.media.video import iter_frames, probe_video
from lt_bench.shapes import Frames, UInt8

MAX_SHAPE_DIFFERENCE = 0.02
"""Relative difference of width / height up to which frames are resized; beyond, faces would be squeezed."""


@dataclass(frozen=True)
class VideoFacts:
    """What deciding about a video needs; kept in the store, so that a known video is not decoded to decide."""

    frames: int
    """At the protocol's rate, up to the limit."""
    width: int
    """Upright, as stored, in pixels."""
    height: int
    fps: float
    """As the file says; 0 where it does not."""


class Decoder:
    """Decodes videos at one rate and size.

    Args:
        fps: of the protocol.
        size: width and height, in pixels.
        tools: shared by all videos of this process.
    """

    def __init__(self, fps: float, size: tuple[int, int], tools: Tools) -> None:
        self.fps, self.size, self.tools = fps, size, tools
        self._decoded: dict[tuple[Path, int | None], tuple[Frames, VideoFacts]] = {}

    def facts(self, path: Path, limit: int | None) -> VideoFacts:
        """Facts of a video of which at most ``limit`` frames are wanted.

        Raises:
            MediaError: it cannot be read.
            UnscorableError: its frames have another shape than those that are scored.
        """
        address = {"video": self.tools.digest(path), "key": "facts 1", "treatment": f"limit {limit}", "fps": self.fps}
        kept = self.tools.store.find(address)
        if kept is None or kept.get("facts", np.empty(0)).shape != (4,):  # not there, or not ours
            facts = self._decode(path, limit)[1]
            row = np.array([facts.frames, facts.width, facts.height, facts.fps], np.float64)
            self.tools.store.put(address, {"facts": row})
        else:
            frames, width, height, fps = kept["facts"]
            facts = VideoFacts(int(frames), int(width), int(height), float(fps))
        self._check_shape(path, facts.width, facts.height)
        return facts

    def frames(self, path: Path, limit: int | None) -> Frames:
        """Frames at the protocol's rate and size, decoded now or kept since ``facts``; at most ``limit``."""
        return self._decode(path, limit)[0]

    def release(self) -> None:
        """Forget decoded frames."""
        self._decoded.clear()

    def picture(self, path: Path, picture: UInt8[ndarray, "H W 3"]) -> UInt8[ndarray, "H W 3"]:
        """A single picture at the protocol's size.

        Raises:
            UnscorableError: it has another shape.
        """
        self._check_shape(path, picture.shape[1], picture.shape[0])
        return to_size(picture[None], *self.size)[0]

    def _decode(self, path: Path, limit: int | None) -> tuple[Frames, VideoFacts]:
        if (path, limit) in self._decoded:
            return self._decoded[path, limit]
        sizes: list[tuple[int, int]] = []
        with closing(iter_frames(path, self.fps)) as frames:
            kept = gather(self._resized(path, frames if limit is None else islice(frames, limit), sizes))
        if kept is None:
            raise MediaError(f"{path.name}: expected frames, got none")
        found = kept, VideoFacts(len(kept), *sizes[0], fps=probe_video(path).fps)
        self._decoded[path, limit] = found
        return found

    def _resized(
        self, path: Path, frames: Iterable[UInt8[ndarray, "H W 3"]], sizes: list[tuple[int, int]]
    ) -> Iterable[UInt8[ndarray, "h w 3"]]:
        for frame in frames:
            if not sizes:
                height, width = frame.shape[:2]
                sizes.append((width, height))
                self._check_shape(path, width, height)
            yield to_size(frame[None], *self.size)[0]

    def _check_shape(self, path: Path, have_width: int, have_height: int) -> None:
        width, height = self.size
        if abs(have_width * height / (have_height * width) - 1) > MAX_SHAPE_DIFFERENCE:
            raise UnscorableError(
                f"{path.name}: expected frames of the shape {width}x{height}, got {have_width}x{have_height}; "
                "crop both videos alike, or give the pixels their true shape (sample aspect ratio)"
            )
