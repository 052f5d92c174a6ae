"""What a clip is made of before it is encoded; the same for rendered and filmed clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from data_prep.datasets.jobs import SyntheticJob
from data_prep.filters.lip_sync import LipSync
from data_prep.synthetic.dataset import render
from lt_bench.perception.speech.base import SAMPLES_PER_FRAME
from lt_bench.shapes import Waveform


@dataclass(frozen=True)
class Material:
    """A clip in pictures and sound. Positions are fractions of the square frame, NaN where there is no face."""

    id: str
    frames: Callable[[], Iterator[UInt8[ndarray, "R R 3"]]]
    """The square RGB frames, one after another; can be asked for once."""
    count: int
    audio: Waveform
    """16 kHz mono, exactly 640 samples a frame."""
    portrait: UInt8[ndarray, "R R 3"] | int
    """A picture, or the number of the frame that is it."""
    landmarks: Float[ndarray, "F K 2"]
    mouth_box: Float[ndarray, "F 4"]
    counts: Int[ndarray, " F"]
    """Faces in each frame."""
    source_pixels: int
    """Side of the crop in pixels of the source."""
    crop: tuple[float, float, float, float] | None = None
    roll: float = 0.0
    invented: float = 0.0
    """Share of the crop beyond the picture."""
    truth: Float[ndarray, "F 12"] | None = None
    speech_share: float | None = None
    sync: LipSync | None = None
    thumbnail: bytes | None = None
    """JPEG of a frame with the face's box and the crop."""


def rendered_material(job: SyntheticJob, resolution: int) -> Material:
    """Render a synthetic clip; landmarks, mouth boxes and truth are exact."""
    clip = render(job.spec, resolution)
    return Material(
        id=job.id,
        frames=lambda: iter(clip.frames),
        count=len(clip.frames),
        audio=fit(clip.audio, len(clip.frames)),
        portrait=clip.portrait,
        landmarks=clip.landmarks,
        mouth_box=clip.mouth_box,
        counts=np.ones(len(clip.frames), np.int64),
        source_pixels=resolution,
        truth=clip.truth,
    )


def fit(audio: Waveform, frames: int) -> Waveform:
    """Return the sound of exactly ``frames`` frames, padded with silence at the end."""
    wanted = frames * SAMPLES_PER_FRAME
    return np.pad(audio[:wanted], (0, max(0, wanted - len(audio)))).astype(np.float32)
