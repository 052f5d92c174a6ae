"""What a clip is made of before it is encoded; the same for rendered and filmed clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from data_prep.crop import apply_crop, stable_crop, to_crop
from data_prep.jobs import SyntheticJob, VideoJob
from data_prep.portrait import portrait_frame
from data_prep.quality import loudness_db
from data_prep.synthetic.dataset import render
from lt_bench.errors import FaceError, MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import iter_frames
from lt_bench.perception.faces import FaceLandmarker
from lt_bench.perception.mouth import mouth_boxes
from lt_bench.shapes import Waveform

SAMPLES_PER_FRAME = 640
FORGIVEN_SAMPLES = 2 * SAMPLES_PER_FRAME
"""Sound may end this much before the picture, as lossy containers cut it; the rest is silence."""
MIN_FRAMES = 25
"""Shortest usable real clip: one second."""
MIN_FACE_SHARE = 0.9
"""Share of a real clip's frames that must show a face."""


@dataclass(frozen=True)
class Material:
    """A clip in pictures and sound. Positions are fractions of the square frame, NaN where there is no face."""

    frames: Callable[[], Iterator[UInt8[ndarray, "R R 3"]]]
    """Yields the square RGB frames anew at each call, so that long clips need not fit in memory."""
    count: int
    audio: Waveform
    """16 kHz mono, exactly 640 samples a frame."""
    portrait: UInt8[ndarray, "R R 3"]
    landmarks: Float[ndarray, "F K 2"]
    mouth_box: Float[ndarray, "F 4"]
    crop: tuple[float, float, float, float] | None
    source_pixels: int
    counts: Int[ndarray, " F"]
    """Faces in each frame."""
    """Side of the crop in pixels of the source."""
    truth: Float[ndarray, "F 12"] | None = None


def rendered_material(job: SyntheticJob, resolution: int) -> Material:
    """Render a synthetic clip; landmarks, mouth boxes and truth are exact."""
    clip = render(job.spec, resolution)
    return Material(
        frames=lambda: iter(clip.frames),
        count=len(clip.frames),
        audio=_fit(clip.audio, len(clip.frames)),
        portrait=clip.portrait,
        landmarks=clip.landmarks,
        mouth_box=clip.mouth_box,
        crop=None,
        source_pixels=resolution,
        counts=np.ones(len(clip.frames), np.int64),
        truth=clip.truth,
    )


def filmed_material(job: VideoJob, resolution: int, landmarker: FaceLandmarker) -> Material:
    """Find the face of a real video and cut one stable square around it; frames at exactly 25 fps.

    The clip ends with the shorter of picture and sound (80 ms of missing sound are forgiven).

    Raises:
        MediaError: the video is damaged, has no sound or silence only, or is shorter than a second.
        FaceError: there is no face, or none that can be used.
    """
    audio = read_audio(job.path)
    if loudness_db(audio) is None:
        raise MediaError("expected speech, got silence")
    audible = (len(audio) + FORGIVEN_SAMPLES) // SAMPLES_PER_FRAME
    with closing(iter_frames(job.path)) as frames:
        track = landmarker.track(islice(frames, audible))
    count = len(track.found)
    if count < MIN_FRAMES:
        raise MediaError(f"expected at least {MIN_FRAMES} frames (1 s) with sound, got {count}")
    share = float(track.found.mean())
    if share < MIN_FACE_SHARE:
        raise FaceError(f"expected a face in at least {MIN_FACE_SHARE:.0%} of the frames, got {share:.0%}")
    crop = stable_crop(track.landmarks)
    chosen = portrait_frame(track)

    def cropped() -> Iterator[np.ndarray]:
        with closing(iter_frames(job.path)) as frames:
            for frame in islice(frames, count):
                yield apply_crop(frame, crop, resolution)

    points = to_crop(track.landmarks, crop)
    return Material(
        frames=cropped,
        count=count,
        audio=_fit(audio, count),
        portrait=next(islice(cropped(), chosen, None)),
        landmarks=points,
        mouth_box=np.clip(mouth_boxes(points), 0, 1),
        crop=crop.box,
        source_pixels=crop.side,
        counts=track.counts,
    )


def _fit(audio: Waveform, frames: int) -> Waveform:
    wanted = frames * SAMPLES_PER_FRAME
    return np.pad(audio[:wanted], (0, max(0, wanted - len(audio)))).astype(np.float32)
