"""Loading of clips: both videos at the protocol's rate, size and length, or the reason why that fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray

from lt_bench.errors import MediaError, blame
from lt_bench.evaluation.inputs.clip_context import TRUTH_COLUMNS, ClipContext, Tools, Truth, UnscorableError, VideoView
from lt_bench.evaluation.inputs.decoding import Decoder, VideoFacts
from lt_bench.evaluation.inputs.reference_set import ReferenceSet, ReferenceVideo
from lt_bench.evaluation.protocol import Protocol
from lt_bench.media.image import read_image
from lt_bench.shapes import UInt8


class Loader:
    """Make a ``ClipContext`` of a pair of files; videos whose facts are in the store are decoded only when needed.

    Args:
        reference: the reference set.
        protocol: whose rules hold.
        size: width and height, in pixels.
        tools: shared by all videos of this process.
    """

    def __init__(self, reference: ReferenceSet, protocol: Protocol, size: tuple[int, int], tools: Tools) -> None:
        self.reference, self.protocol, self.size, self.tools = reference, protocol, size, tools
        self.decoder = Decoder(protocol.fps, size, tools)
        self.other_identities = reference.other_identities()
        self._gallery: dict[str, VideoView] | None = None

    def load(self, entry: ReferenceVideo, generated: Path) -> tuple[ClipContext, tuple[str, ...]]:
        """Check one pair of videos and return the clip, with notes on adjustments.

        Raises:
            LtBenchError: why the pair cannot be scored.
        """
        rules, other = self.protocol, self.other_identities.get(entry.id)
        real_limit = rules.max_frames or None
        with blame("reference"):
            self._check_files(entry, other)
            real = self.decoder.facts(entry.video, real_limit)
        made_limit = real.frames + rules.length_difference + 1
        with blame("generated"):
            made = self.decoder.facts(generated, made_limit)
        # Where the real video was cut, the generated one may be longer.
        made_frames = min(made.frames, rules.max_frames) if real.frames == rules.max_frames else made.frames
        frames = self._common(real.frames, made_frames, generated.name)
        real_view = self._view(entry.video, frames, real_limit, real=True)
        clip = ClipContext(
            id=entry.id,
            identity=entry.identity,
            generated=self._view(generated, frames, made_limit, real=False),
            real=real_view,
            first_frame=rules.first_frame,
            load_portrait=lambda: self._portrait(entry, real_view),
            truth=self._truth(entry, frames),
            other_truth=self._truth(other, None),
            load_gallery=self.gallery,
            other_video=other.video if other else None,
            reference_frames=real.frames,
        )
        return clip, self._adjusted(real, made, made_frames, frames)

    def gallery(self) -> dict[str, VideoView]:
        """The gallery's videos by identity, decoded when looked at."""
        if self._gallery is None:
            self._gallery = {i: self._take(take) for i, take in sorted(self.reference.gallery.items())}
        return self._gallery

    def release(self) -> None:
        """Forget all frames, not the features."""
        self.decoder.release()
        for view in (self._gallery or {}).values():
            view.release()

    def _common(self, real: int, made: int, name: str) -> int:
        """The number of frames that are scored."""
        rules = self.protocol
        if abs(made - real) > rules.length_difference:
            at_least = "at least " if made > real else ""
            raise UnscorableError(
                f"{name}: expected {real} frames as in the real video, at most "
                f"{rules.length_difference} apart, got {at_least}{made}; cut it to the same length",
                fault="generated",
            )
        if min(made, real) < rules.min_frames:
            raise UnscorableError(
                f"{name}: expected at least {rules.min_frames} frames, got {min(made, real)}; "
                "take a protocol with a smaller min_frames",
                fault="reference" if real < rules.min_frames else "generated",
            )
        return min(made, real)

    def _adjusted(self, real: VideoFacts, made: VideoFacts, made_frames: int, frames: int) -> tuple[str, ...]:
        """Changes to either video, in words."""
        notes = []
        for what, facts, count in (("real", real, real.frames), ("generated", made, made_frames)):
            if facts.fps and abs(facts.fps - self.protocol.fps) > 0.01:
                notes.append(f"{what}: {facts.fps:g} to {self.protocol.fps:g} fps")
            if (facts.width, facts.height) != self.size:
                notes.append(f"{what}: {facts.width}x{facts.height} to {self.size[0]}x{self.size[1]}")
            if count != frames:
                notes.append(f"{what}: {count} to {frames} frames")
        return tuple(notes)

    def _take(self, take: ReferenceVideo) -> VideoView:
        self._check_file(take.video, take.sha256.get("video"))
        limit = self.protocol.max_frames or None
        view = self._view(take.video, None, limit, real=True)
        view.treatment = f"{self._sizes()}, at most {limit or 'all'} frames"
        return view

    def _view(self, path: Path, frames: int | None, limit: int | None, real: bool) -> VideoView:
        treatment = f"{self._sizes()}, first {frames} frames"
        return VideoView(
            path,
            lambda: self.decoder.frames(path, limit)[:frames],
            treatment,
            self.protocol.fps,
            self.tools,
            real,
            frames,
        )

    def _sizes(self) -> str:
        return f"{self.size[0]}x{self.size[1]} area/bicubic"

    def _check_files(self, entry: ReferenceVideo, other: ReferenceVideo | None) -> None:
        """All that a clip's values rest on, before kept values could stand for files that are no longer these."""
        self._check_file(entry.video, entry.sha256.get("video"))
        if entry.portrait is not None:
            self._check_file(entry.portrait, entry.sha256.get("portrait"))
        if other is not None:
            self._check_file(other.video, other.sha256.get("video"))

    def _check_file(self, path: Path, sha256: str | None) -> None:
        if not path.is_file():
            raise MediaError(f"{path.name}: expected a file of the real set of this name, got none")
        if sha256 is not None and self.tools.digest(path) != sha256:
            raise MediaError(
                f"{path.name}: expected the file that the real set's manifest names, got another; prepare it again"
            )

    def _portrait(self, entry: ReferenceVideo, view: VideoView) -> UInt8[ndarray, "H W 3"]:
        if entry.portrait is None:
            return view.frames[0]
        return self.decoder.picture(entry.portrait, read_image(entry.portrait))

    def _truth(self, entry: ReferenceVideo | None, frames: int | None) -> Truth | None:
        if entry is None or entry.truth is None:
            return None
        with blame("reference"):
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
