"""Synthetic faces for the probe network: many speakers, few frames of each, in two scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from data_prep.synthetic.dataset import Purpose, speaker_seed
from data_prep.synthetic.identity import Identity
from data_prep.synthetic.performance import STATE, Performance
from data_prep.synthetic.render.renderer import FaceRenderer
from data_prep.synthetic.scene import Scene
from lt_bench.files import atomic_path

SIZE = 64
TAKES = 2
CLIP_FRAMES = 100  # frames are drawn from performances of this length
# Uniform ranges of frames whose state is drawn freely, so that no output can be guessed from another.
_FREE = {
    "opening": (0, 1),
    "width": (-0.5, 1),
    "rounding": (0, 1),
    "blink": (0, 1),
    "brow": (-0.5, 1.2),
    "yaw": (-0.35, 0.35),
    "pitch": (-0.2, 0.2),
    "roll": (-0.2, 0.2),
    "tx": (-0.1, 0.1),
    "ty": (-0.06, 0.06),
    "gaze_x": (-0.8, 0.8),
    "gaze_y": (-0.5, 0.5),
}


@dataclass(frozen=True)
class ProbeSet:
    """Frames of S speakers in T takes of K frames each."""

    frames: UInt8[ndarray, "S T K size size 3"]
    states: Float32[ndarray, "S T K 12"]
    identities: Float32[ndarray, "S attributes"]


def render_set(
    purpose: Purpose,
    speakers: int,
    natural: int,
    free: int,
    work: Path,
    start: int = 0,
    progress: bool = False,
    size: int = SIZE,
    motion: float = 1.0,
) -> ProbeSet:
    """Render a set, or read it back from ``work`` where it was rendered before.

    Args:
        purpose: whose block of seeds the speakers come from.
        speakers: how many.
        natural: frames of each take that come from its performance (all at even spacing).
        free: frames of each take with a freely drawn state.
        work: folder for the rendered arrays.
        start: index of the first speaker in the block.
        progress: print one line every 500 speakers.
        size: side of the frames in pixels.
        motion: scales the motion of the heads.
    """
    kind = "" if (size, motion) == (SIZE, 1.0) else f"-{size}px-motion{motion:g}"
    path = work / f"{purpose}-{start}-{speakers}x{TAKES}x{natural}+{free}{kind}.npz"
    if not path.is_file():
        parts = []
        for i in range(speakers):
            parts.append(_render_speaker(speaker_seed(purpose, start + i), natural, free, size, motion))
            if progress and (i + 1) % 500 == 0:
                print(f"rendered {i + 1} of {speakers} speakers", flush=True)
        with atomic_path(path) as temporary:
            arrays = [np.stack([getattr(p, key) for p in parts]) for key in ("frames", "states", "identities")]
            np.savez(temporary, frames=arrays[0], states=arrays[1], identities=arrays[2])
        return ProbeSet(*arrays)
    with np.load(path, allow_pickle=False) as stored:
        return ProbeSet(stored["frames"], stored["states"], stored["identities"])


def _render_speaker(speaker: int, natural: int, free: int, size: int, motion: float) -> ProbeSet:
    """One speaker; the leading axis S is absent."""
    who = Identity.sample(speaker)
    frames, states = [], []
    for take in range(TAKES):
        rng = np.random.default_rng([808, speaker, take])
        key = int(rng.integers(2**31))
        act = Performance.sample(key, CLIP_FRAMES, motion)
        rows = np.concatenate([_spread(act.state, natural, rng), _free_states(free, rng)])
        renderer = FaceRenderer(who, Scene.sample(key), size)
        frames.append(np.stack([renderer.frame(row) for row in rows]))
        states.append(rows)
    return ProbeSet(np.stack(frames), np.stack(states), who.vector())


def _spread(state: Float32[ndarray, "F 12"], count: int, rng: np.random.Generator) -> Float32[ndarray, "K 12"]:
    """``count`` rows at even spacing from a random start."""
    spacing = len(state) / count
    at = (np.arange(count) * spacing + rng.uniform(0, spacing)).astype(int)
    return state[at]


def _free_states(count: int, rng: np.random.Generator) -> Float32[ndarray, "K 12"]:
    low, high = np.array([_FREE[name] for name in STATE]).T
    return rng.uniform(low, high, (count, len(STATE))).astype(np.float32)
