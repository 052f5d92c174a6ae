"""What a score sees of one clip: the generated and the real video at the protocol's size, rate and length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.errors import Fault, LtBenchError, MediaError, blame
from lt_bench.evaluation.stores.code_hash import code_hash
from lt_bench.evaluation.stores.feature_store import Features, FeatureStore
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.shapes import Frames, UInt8, Waveform

if TYPE_CHECKING:
    from lt_bench.perception.faces import FaceLandmarker, FaceTrack

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
    """A metric has no value for a clip; the message is the reason listed in the result.

    Raised without a ``fault``, it counts against the video that was being looked at, else against the generated one.
    """


class Tools:
    """What all videos of one process share: the store of features and one face landmarker, built when first needed."""

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self._digests: dict[Path, str] = {}

    @cached_property
    def landmarker(self) -> FaceLandmarker:
        """MediaPipe's landmarker for one face, which chooses among several in every frame anew."""
        from lt_bench.perception.faces import FaceLandmarker

        return FaceLandmarker()

    def close(self) -> None:
        """Free the landmarker, which complains when the interpreter does it at its end."""
        landmarker = self.__dict__.pop("landmarker", None)
        if landmarker is not None:
            landmarker.close()

    def name(self, path: Path, digest: str) -> None:
        """Let ``digest`` stand for a video that is not a file."""
        self._digests[path] = digest

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's bytes, read once.

        Raises:
            MediaError: it cannot be read, or is no regular file.
        """
        if path not in self._digests:
            try:
                self._digests[path] = sha256_file(path)
            except OSError as error:
                raise MediaError(f"{path.name}: expected a readable file, got: {error.strerror or error}") from None
        return self._digests[path]


@dataclass(eq=False)
class VideoView:
    """One video as it is scored. Everything is found when first asked for, and kept."""

    path: Path
    load: Callable[[], Frames] = field(repr=False)
    """Decodes the frames; called when they are first needed."""
    treatment: str
    """Changes to the frames (size, length), as part of the address of features."""
    fps: float
    tools: Tools = field(repr=False)
    real: bool
    """Whether it is a real video; what reasons call it depends on that."""
    count: int | None = None
    """Frames, where they are known without decoding."""
    voice: Path | None = None
    """The file whose sound replaces the video's own, for controls."""
    _memo: dict[str, dict[str, ndarray]] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """What reasons call it: both videos of a clip have one name."""
        return f"{'real' if self.real else 'generated'} video {self.path.name}"

    @property
    def fault(self) -> Fault:
        """Fault of an error that lies in this video."""
        return "reference" if self.real else "generated"

    @cached_property
    def frames(self) -> Frames:
        """RGB, at the protocol's size and rate, cut to the clip's length; do not write to it."""
        with blame(self.fault):
            return self.load()

    @property
    def length(self) -> int:
        """Number of frames; does not decode them where they were counted before."""
        return len(self.frames) if self.count is None else self.count

    def release(self) -> None:
        """Forget the frames but not the features; they are decoded again when needed."""
        self.__dict__.pop("frames", None)

    @cached_property
    def audio(self) -> Waveform:
        """The video's own sound (or ``voice``'s), mono 16 kHz, cut to the length of the frames.

        Raises:
            MediaError: it has none.
        """
        with blame(self.fault):
            sound = read_audio(self.voice or self.path, SAMPLE_RATE)
        return sound[: round(self.length / self.fps * SAMPLE_RATE)]

    @cached_property
    def faces(self) -> FaceTrack:
        """MediaPipe's landmarks, blendshapes and head pose of each frame, in pixels of ``frames``.

        Of one face a frame: none is followed, so that of two of like size it may be now one and now the other.

        Raises:
            AssetError: the landmarker's weights are absent.
            UnscorableError: no face in any frame.
        """
        from lt_bench.perception.faces import FaceTrack, landmarker_hash

        def track() -> Features:
            return dict(vars(self.tools.landmarker.track(self.frames)))

        found = FaceTrack(**self.features(f"faces {landmarker_hash()}", track, heard=False))
        if not found.found.any():
            raise UnscorableError(f"{self.label}: no face found in any of {self.length} frames", fault=self.fault)
        return found

    def features(self, key: str, compute: Callable[[], Features], heard: bool = True) -> dict[str, ndarray]:
        """Named arrays computed once for all scores, all runs and, of real videos, all systems.

        Args:
            key: everything the arrays depend on in addition to this video: detector with weights hash, preprocessing.
            compute: makes them; the code it rests on, and the versions of libraries, are part of the address.
            heard: whether the arrays may depend on the sound; False lets a video with another voice share them.
        """
        with blame(self.fault):
            address = {**self.address(key, heard), "code": code_hash(compute.__module__)}
            memo = f"{key} {address.get('voice', '')}"
            if memo not in self._memo:
                self._memo[memo] = dict(self.tools.store.get(address, compute))
            return self._memo[memo]

    def address(self, key: str, heard: bool = True) -> dict[str, str | int | float]:
        """Where ``features`` keeps the arrays of ``key``: what they depend on, by name."""
        digest = self.tools.digest(self.path)
        voice = {"voice": self.tools.digest(self.voice)} if heard and self.voice else {}
        return {"video": digest, "key": key, "treatment": self.treatment, "fps": self.fps, **voice}

    def dubbed(self, voice: Path) -> VideoView:
        """Return this video with the sound of another file; frames and their features are shared."""
        return replace(self, load=lambda: self.frames, voice=voice)


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
    """First scored frame (see ``scored``); networks may use the frames before it."""
    load_portrait: Callable[[], UInt8[ndarray, "H W 3"]] = field(repr=False)
    truth: Truth | None = None
    """Of this clip; synthetic sets only."""
    other_truth: Truth | None = None
    """Of another identity's clip, by a fixed derangement; perhaps of another length."""
    load_gallery: Callable[[], Mapping[str, VideoView]] = field(default=dict, repr=False)
    other_video: Path | None = None
    """The real video of another identity, by the same derangement."""
    reference_frames: int | None = None
    """Frames of the reference video before both were cut to one length; None where nothing was cut."""

    @property
    def scored(self) -> slice:
        """The frames that count."""
        return slice(self.first_frame, None)

    def fault_of_length(self, frames: int) -> Fault:
        """Fault of an error for a clip of fewer than ``frames`` frames: that of the video that is too short."""
        own = self.real.length if self.reference_frames is None else self.reference_frames
        return "reference" if own < frames else "generated"

    @cached_property
    def portrait(self) -> UInt8[ndarray, "H W 3"]:
        """The picture the system was given, at the protocol's size."""
        with blame("reference"):
            return self.load_portrait()

    @property
    def gallery(self) -> Mapping[str, VideoView]:
        """By identity, a video of another take: other scene, other words. Shared by all clips; may be empty."""
        with blame("reference"):
            return self.load_gallery()

    def on_real(self) -> ClipContext:
        """The same clip with the real video in the place of the generated one, for ceilings."""
        return replace(self, generated=self.real, load_portrait=lambda: self.portrait)

    def misvoiced(self) -> ClipContext | None:
        """Return the clip with the real video and another identity's sound as the generated video; None without one."""
        if self.other_video is None:
            return None
        return replace(self, generated=self.real.dubbed(self.other_video), load_portrait=lambda: self.portrait)


def to_size(frames: Frames, width: int, height: int) -> UInt8[ndarray, "F height width 3"]:
    """Resize by area averaging where it shrinks and bicubic where it grows; equal sizes pass untouched."""
    import cv2

    have_height, have_width = frames.shape[1:3]
    if (have_width, have_height) == (width, height):
        return frames
    how = cv2.INTER_AREA if width * height < have_width * have_height else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, (width, height), interpolation=how) for frame in frames])
