"""Videos of a clip brought to the protocol's rate, size and length, or the reason why that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy import ndarray

from lt_bench.errors import MediaError
from lt_bench.evaluation.clip import TRUTH_COLUMNS, ClipContext, Tools, Truth, UnscorableError, VideoView, to_size
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.real_side import RealSide, RealVideo
from lt_bench.media.image import read_image
from lt_bench.media.video import iter_frames
from lt_bench.shapes import Frames, UInt8

MAX_SHAPE_DIFFERENCE = 0.02
"""Relative difference of width / height up to which frames are resized; beyond, faces would be squeezed."""


class Loader:
    """Makes ``ClipContext`` of pairs of files.

    Args:
        real: the real side.
        protocol: whose rules hold.
        size: width and height, in pixels.
        tools: shared by all videos of this process.
    """

    def __init__(self, real: RealSide, protocol: Protocol, size: tuple[int, int], tools: Tools) -> None:
        self.real, self.protocol, self.size, self.tools = real, protocol, size, tools
        self._strangers = real.strangers()
        self._gallery: dict[str, VideoView] | None = None

    def load(self, entry: RealVideo, generated: Path) -> ClipContext:
        """Decode and check one pair.

        Raises:
            LtBenchError: why the pair cannot be scored.
        """
        rules = self.protocol
        self._check_file(entry.video, entry.sha256.get("video"))
        real = self._frames(entry.video, rules.max_frames or None)
        made = self._frames(generated, len(real) + rules.length_difference + 1)
        if len(real) == rules.max_frames:  # the real video was cut, so the generated one may be longer
            made = made[: rules.max_frames]
        if abs(len(made) - len(real)) > rules.length_difference:
            at_least = "at least " if len(made) > len(real) else ""
            raise UnscorableError(
                f"{generated.name}: expected {len(real)} frames as in the real video, at most "
                f"{rules.length_difference} apart, got {at_least}{len(made)}"
            )
        frames = min(len(made), len(real))
        if frames < rules.min_frames:
            raise UnscorableError(f"{generated.name}: expected at least {rules.min_frames} frames, got {frames}")
        real_view = self._view(entry.video, lambda: real[:frames], f"first {frames} frames", keep=True)
        return ClipContext(
            id=entry.id,
            identity=entry.identity,
            generated=self._view(generated, lambda: made[:frames], f"first {frames} frames", keep=False),
            real=real_view,
            first_frame=rules.first_frame,
            load_portrait=lambda: self._portrait(entry, real_view),
            truth=self._truth(entry, frames),
            other_truth=self._truth(self._strangers.get(entry.id), None),
            load_gallery=self.gallery,
        )

    def gallery(self) -> dict[str, VideoView]:
        """The gallery's videos by identity, decoded when looked at."""
        if self._gallery is None:
            limit = self.protocol.max_frames or None
            self._gallery = {
                identity: self._view(
                    take.video, self._decoder(take, limit), f"at most {limit or 'all'} frames", keep=True
                )
                for identity, take in sorted(self.real.gallery.items())
            }
        return self._gallery

    def release(self) -> None:
        """Forget the gallery's frames, not its features."""
        for view in (self._gallery or {}).values():
            view.release()

    def _decoder(self, take: RealVideo, limit: int | None) -> Callable[[], Frames]:
        def decode() -> Frames:
            self._check_file(take.video, take.sha256.get("video"))
            return self._frames(take.video, limit)

        return decode

    def _view(self, path: Path, load: Callable[[], Frames], length: str, keep: bool) -> VideoView:
        treatment = f"{self.size[0]}x{self.size[1]} area/bicubic, {length}"
        return VideoView(path, load, treatment, self.protocol.fps, self.tools, keep)

    def _frames(self, path: Path, limit: int | None) -> Frames:
        width, height = self.size
        with closing(iter_frames(path, self.protocol.fps)) as frames:
            kept = []
            for frame in islice(frames, limit):
                if not kept:
                    self._check_shape(path, frame)
                kept.append(to_size(frame[None], width, height)[0])
        if not kept:
            raise MediaError(f"{path.name}: expected frames, got none")
        return np.stack(kept)

    def _check_shape(self, path: Path, frame: UInt8[ndarray, "H W 3"]) -> None:
        (width, height), (have_height, have_width) = self.size, frame.shape[:2]
        if abs(have_width * height / (have_height * width) - 1) > MAX_SHAPE_DIFFERENCE:
            raise UnscorableError(
                f"{path.name}: expected frames of the shape {width}x{height}, got {have_width}x{have_height}"
            )

    def _check_file(self, path: Path, sha256: str | None) -> None:
        if not path.is_file():
            raise MediaError(f"{path.name}: expected a real video of this name, got none")
        if sha256 is not None and self.tools.digest(path) != sha256:
            raise MediaError(f"{path.name}: expected the file that the real set's manifest names, got another")

    def _portrait(self, entry: RealVideo, view: VideoView) -> UInt8[ndarray, "H W 3"]:
        if entry.portrait is None:
            return view.frames[0]
        picture = read_image(entry.portrait)
        self._check_shape(entry.portrait, picture)
        return to_size(picture[None], *self.size)[0]

    def _truth(self, entry: RealVideo | None, frames: int | None) -> Truth | None:
        if entry is None or entry.truth is None:
            return None
        self._check_file(entry.truth, entry.sha256.get("truth"))
        states = read_truth(entry.truth)
        if frames is not None and len(states) < frames:
            raise UnscorableError(f"{entry.truth.name}: expected states of {frames} frames, got {len(states)}")
        return Truth(states[:frames])


def read_truth(path: Path) -> ndarray:
    """The states (frames, 12) of a synthetic speaker, columns ``TRUTH_COLUMNS``.

    Raises:
        MediaError: the file is damaged or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        states = load_file(path)["truth"]
    except (SafetensorError, KeyError, OSError) as error:
        raise MediaError(f"{path.name}: expected a truth file, got {error}") from None
    if states.ndim != 2 or states.shape[1] != len(TRUTH_COLUMNS) or not np.isfinite(states).all():
        raise MediaError(f"{path.name}: expected finite states of {len(TRUTH_COLUMNS)} columns, got {states.shape}")
    return states
