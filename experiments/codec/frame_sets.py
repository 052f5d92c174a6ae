"""Rendered frames that train and test the embedded codec: many speakers, few frames of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from data_prep.synthetic.dataset import speaker_seed
from data_prep.synthetic.identity import Identity
from data_prep.synthetic.landmarks import LANDMARKS, landmarks, mouth_boxes
from data_prep.synthetic.performance import STATE, Performance
from data_prep.synthetic.render.renderer import FaceRenderer
from data_prep.synthetic.scene import Scene
from lt_bench.files import atomic_path

CLIP_FRAMES = 100
"""Frames are drawn from performances of this length."""
HEAD_MOTION = (0.4, 1.0)
"""Head motion of a speaker's frames, taken in turn: the data set's default, and the liveliest it offers."""
EYES = [LANDMARKS.index("eye_left"), LANDMARKS.index("eye_right")]


@dataclass(frozen=True)
class FrameSet:
    """Frames of one size: the neutral portrait of every speaker, then frames of two performances."""

    frames: UInt8[ndarray, "N size size 3"]
    mouths: Float32[ndarray, "N 4"]
    """x0, y0, x1, y1 around the lips, in 0..1 of the frame."""
    eyes: Float32[ndarray, "N 2 2"]
    """Centres (x, y) of the eyes, in 0..1 of the frame."""


def render_frame_set(
    purpose: Literal["codec_train", "codec_test"], size: int, first: int, speakers: int, per_speaker: int, work: Path
) -> FrameSet:
    """Render the frames of a range of speakers, or read them back from ``work``.

    Args:
        purpose: the block of seeds the speakers come from.
        size: side of the frames in pixels.
        first: index of the first speaker in the block.
        speakers: number of speakers.
        per_speaker: frames of each; the first is the neutral portrait.
        work: folder for the rendered arrays.
    """
    stem = work / f"{purpose}-{size}px-{first}+{speakers}x{per_speaker}"
    paths = {name: stem.with_name(f"{stem.name}.{name}.npy") for name in ("frames", "mouths", "eyes")}
    if not all(path.is_file() for path in paths.values()):
        parts = [_render_speaker(speaker_seed(purpose, first + i), size, per_speaker) for i in range(speakers)]
        for name, path in paths.items():
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, np.concatenate([getattr(part, name) for part in parts]))
    return FrameSet(*(np.load(paths[name], mmap_mode="r", allow_pickle=False) for name in ("frames", "mouths", "eyes")))


def _render_speaker(speaker: int, size: int, count: int) -> FrameSet:
    """Render one speaker in one scene, the portrait first."""
    rng = np.random.default_rng([910, speaker])
    key = int(rng.integers(2**31))
    renderer = FaceRenderer(Identity.sample(speaker), Scene.sample(key), size)
    acts = [Performance.sample(key, CLIP_FRAMES, motion) for motion in HEAD_MOTION]
    at = rng.choice(CLIP_FRAMES, count - 1, replace=False)
    rows = [np.zeros(len(STATE), np.float32), *(acts[k % 2].state[frame] for k, frame in enumerate(at))]
    state = np.stack(rows)
    frames = np.stack([renderer.frame(row) for row in rows])
    return FrameSet(frames, mouth_boxes(renderer, state), landmarks(renderer, state)[:, EYES])
