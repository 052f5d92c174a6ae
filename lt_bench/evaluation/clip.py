"""What a score sees of one clip: the generated and the real video at the protocol's size, rate and length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.feature_store import Features, FeatureStore
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.shapes import Frames, UInt8, Waveform

if TYPE_CHECKING:
    from lt_bench.perception.faces import FaceLandmarker, FaceTrack

SAMPLE_RATE = 16000
TRUTH_COLUMNS = (
    "opening",
    "width",
    "rounding",
    "blink",
    "brow",
    "yaw",
    "pitch",
    "roll",
    "tx",
    "ty",
    "gaze_x",
    "gaze_y",
)
"""States of a synthetic speaker: mouth 0..1 (width -1..1), blink 0 open .. 1 closed, angles in radians."""


class UnscorableError(LtBenchError):
    """A score cannot be computed for a video; the message is the reason listed in the result."""


class Tools:
    """What all videos of one process share: the store of features and one face landmarker, built when first needed."""

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self._digests: dict[Path, str] = {}

    @cached_property
    def landmarker(self) -> FaceLandmarker:
        """MediaPipe's landmarker for one face."""
        from lt_bench.perception.faces import FaceLandmarker

        return FaceLandmarker()

    def close(self) -> None:
        """Free the landmarker, which complains when the interpreter does it at its end."""
        landmarker = self.__dict__.pop("landmarker", None)
        if landmarker is not None:
            landmarker.close()

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's bytes, read once."""
        if path not in self._digests:
            self._digests[path] = sha256_file(path)
        return self._digests[path]


@dataclass(eq=False)
class VideoView:
    """One video as it is scored. Everything is found when first asked for, and kept."""

    path: Path
    load: Callable[[], Frames] = field(repr=False)
    """Decodes the frames; called when they are first needed."""
    treatment: str
    """What was done to the frames (size, length), as part of the address of features."""
    fps: float
    tools: Tools = field(repr=False)
    keep: bool
    """Whether its features are kept on disk; true of real videos."""
    _memo: dict[str, dict[str, ndarray]] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """What reasons call it: both videos of a clip have one name."""
        return f"{'real' if self.keep else 'generated'} video {self.path.name}"

    @cached_property
    def frames(self) -> Frames:
        """RGB, at the protocol's size and rate, cut to the clip's length; do not write to it."""
        return self.load()

    def release(self) -> None:
        """Forget the frames but not the features; they are decoded again when needed."""
        self.__dict__.pop("frames", None)

    @cached_property
    def audio(self) -> Waveform:
        """The video's own sound, mono 16 kHz, cut to the length of the frames.

        Raises:
            MediaError: it has none.
        """
        return read_audio(self.path, SAMPLE_RATE)[: round(len(self.frames) / self.fps * SAMPLE_RATE)]

    @cached_property
    def faces(self) -> FaceTrack:
        """MediaPipe's landmarks, blendshapes and head pose of each frame, in pixels of ``frames``.

        Raises:
            AssetError: the landmarker's weights are absent.
            UnscorableError: no face in any frame.
        """
        from lt_bench.perception.faces import FaceTrack

        landmarker = self.tools.landmarker
        track = FaceTrack(
            **self.features(f"faces {landmarker.hash}", lambda: dict(vars(landmarker.track(self.frames))))
        )
        if not track.found.any():
            raise UnscorableError(f"{self.label}: no face found in any of {len(self.frames)} frames")
        return track

    def features(self, key: str, compute: Callable[[], Features]) -> dict[str, ndarray]:
        """Named arrays computed once a video, and for real videos once for all systems.

        Args:
            key: everything the arrays depend on beside this video: detector with weights hash, preprocessing.
            compute: makes them.
        """
        if key not in self._memo:
            self._memo[key] = dict(self.tools.store.get(self._address(key), compute) if self.keep else compute())
        return self._memo[key]

    def _address(self, key: str) -> dict[str, str | int | float]:
        digest = self.tools.digest(self.path)
        return {"video": digest, "key": key, "treatment": self.treatment, "fps": self.fps}


@dataclass(frozen=True)
class Truth:
    """Exact states of a synthetic speaker; ``truth["opening"]`` is one column."""

    states: Float32[ndarray, "F 12"]

    def __getitem__(self, name: str) -> Float32[ndarray, " F"]:
        return self.states[:, TRUTH_COLUMNS.index(name)]


@dataclass(eq=False)
class ClipContext:
    """One clip to be scored. ``generated`` and ``real`` have equally many frames of equal size."""

    id: str
    identity: str
    generated: VideoView
    real: VideoView
    first_frame: int
    """Scores leave out the frames before it (``scored``), though networks may see them."""
    load_portrait: Callable[[], UInt8[ndarray, "H W 3"]] = field(repr=False)
    truth: Truth | None = None
    """Of this clip; synthetic sets only."""
    other_truth: Truth | None = None
    """Of another identity's clip, by a fixed derangement; perhaps of another length."""
    load_gallery: Callable[[], Mapping[str, VideoView]] = field(default=dict, repr=False)

    @property
    def scored(self) -> slice:
        """The frames that count."""
        return slice(self.first_frame, None)

    @cached_property
    def portrait(self) -> UInt8[ndarray, "H W 3"]:
        """The picture the system was given, at the protocol's size."""
        return self.load_portrait()

    @property
    def gallery(self) -> Mapping[str, VideoView]:
        """By identity, a video of another take: other scene, other words. Shared by all clips; may be empty."""
        return self.load_gallery()

    def on_real(self) -> ClipContext:
        """The same clip with the real video in the place of the generated one, for ceilings."""
        return ClipContext(
            self.id,
            self.identity,
            self.real,
            self.real,
            self.first_frame,
            lambda: self.portrait,
            self.truth,
            self.other_truth,
            self.load_gallery,
        )


def to_size(frames: Frames, width: int, height: int) -> UInt8[ndarray, "F height width 3"]:
    """Resize by area averaging where it shrinks and bicubic where it grows; equal sizes pass untouched."""
    import cv2

    have_height, have_width = frames.shape[1:3]
    if (have_width, have_height) == (width, height):
        return frames
    how = cv2.INTER_AREA if width * height < have_width * have_height else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, (width, height), interpolation=how) for frame in frames])
