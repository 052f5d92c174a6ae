"""One synthetic clip with its sound, portrait and exact ground truth: a pure function of integer seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.landmarks import landmarks, mouth_boxes
from data_prep.synthetic.performance import Performance
from data_prep.synthetic.phonemes import PhonemeSpan
from data_prep.synthetic.render.renderer import FACE_CROP, FaceRenderer
from data_prep.synthetic.scene import Scene
from data_prep.synthetic.speech import synthesize


@dataclass(frozen=True)
class SyntheticClip:
    """A talking face, its speech and all that is known about it."""

    frames: UInt8[ndarray, "F H W 3"]
    """RGB at 25 fps."""
    audio: Float32[ndarray, " samples"]
    """Mono at 16 kHz in [-1, 1], 640 samples a frame."""
    portrait: UInt8[ndarray, "H W 3"]
    """The neutral frontal face in the clip's own scene."""
    truth: Float32[ndarray, "F 12"]
    """Columns ``performance.STATE``."""
    mouth_box: Float32[ndarray, "F 4"]
    """x0, y0, x1, y1 around the lips, in 0..1 of the frame."""
    landmarks: Float32[ndarray, "F 10 2"]
    """The points ``landmarks.LANDMARKS`` (x, y), in 0..1 of the frame."""
    identity: Float32[ndarray, " attributes"]
    """``Identity.vector``, columns ``identity_columns()``."""
    phonemes: tuple[PhonemeSpan, ...]


def make_clip(
    speaker: int, take: int, frames: int = 100, size: int = 128, motion: float = 1.0, zoom: float = FACE_CROP
) -> SyntheticClip:
    """The ``take``-th clip of a speaker: the same identity in a new scene with new words and motion.

    Args:
        speaker: seed of the identity, >= 0.
        take: with ``speaker`` the seed of all else, >= 0.
        frames: length, in frames at 25 fps.
        size: side of the frames in pixels, a multiple of 4.
        motion: scales the motion of the head.
        zoom: 1 shows head and shoulders, 1.3 crops to the face.
    """
    key = int(np.random.default_rng([909, speaker, take]).integers(2**31))
    who, act = Identity.sample(speaker), Performance.sample(key, frames, motion)
    renderer = FaceRenderer(who, Scene.sample(key), size, zoom)
    return SyntheticClip(
        frames=renderer.frames(act),
        audio=synthesize(who, act, key),
        portrait=renderer.portrait(),
        truth=act.state,
        mouth_box=mouth_boxes(renderer, act.state),
        landmarks=landmarks(renderer, act.state),
        identity=who.vector(),
        phonemes=act.phonemes,
    )
