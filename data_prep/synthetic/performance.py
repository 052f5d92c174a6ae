"""Speech and head motion of a clip: the exact ground truth, shared by face and voice.

The words are babble of (C)V(C) syllables in phrases with pauses. Every clip starts within or shortly after a pause, so
another utterance resembles it there: scores that compare mouths should leave out the first ``SETTLED`` frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from data_prep.synthetic.phonemes import CONSONANTS, PHONEMES, SILENCE, VOWELS, PhonemeSpan
from data_prep.synthetic.signals import smooth, wander
from lt_bench.conventions import FPS

TICKS = 8
"""Control ticks a frame: one each 5 ms."""
SETTLED = 16
"""The first frame by which two utterances have nothing in common but chance."""
STATE = ("opening", "width", "rounding", "blink", "brow", "yaw", "pitch", "roll", "tx", "ty", "gaze_x", "gaze_y")
"""Columns of the truth: mouth as in ``phonemes.Articulation``; blink 0 open .. 1 closed; brow about -0.5 .. 1.2 raised;
angles in radians (yaw to image right, pitch down, roll clockwise positive); shifts in face units (half a face height);
gaze in -1..1."""
CONTROL = ("f1", "f2", "f3", "amplitude", "voicing", "opening", "width", "rounding", "pitch")
"""Columns of the control track: ``phonemes.Articulation``, then the fundamental relative to the speaker's mean."""
_PAD = 40  # ticks thrown away at both ends, so that smoothing has no edge
_COARTICULATION = 4.0  # ticks; shared by voice and lips, so that their relation stays exact
_STRESS_RATE = 0.2
_POSE = ((8.0, 0.16), (7.0, 0.09), (8.0, 0.09), (9.0, 0.05), (9.0, 0.03))  # yaw, pitch, roll, tx, ty: frames, amplitude
_GAZE_FRAMES = 12  # a gaze is held so long


@dataclass(frozen=True)
class Performance:
    """The ground truth of one clip."""

    state: Float32[ndarray, "F 12"]
    """One row a frame, columns ``STATE``."""
    control: Float32[ndarray, "ticks 9"]
    """``TICKS`` rows a frame, columns ``CONTROL``; frame k shows the mouth of tick ``TICKS * k + TICKS // 2``."""
    phonemes: tuple[PhonemeSpan, ...]

    def __getitem__(self, name: str) -> Float32[ndarray, " F"]:
        """One column of the state."""
        return self.state[:, STATE.index(name)]

    @staticmethod
    def sample(seed: int, frames: int, motion: float = 1.0) -> Performance:
        """Draw the performance of a seed.

        Args:
            seed: any number >= 0.
            frames: length, in frames at 25 fps.
            motion: scales the head's motion; 0 is a still head. Below 1 the head also sways up to twice as slowly.

        Raises:
            ValueError: ``motion`` is negative.
        """
        if motion < 0:
            raise ValueError(f"motion: expected 0 or more, got {motion}")
        rng = np.random.default_rng([303, seed])
        ticks = frames * TICKS
        babble = _babble(rng, ticks + 2 * _PAD)
        track = _coarticulate(babble.track)
        accent = smooth(babble.stress[:, None], 16.0)[:, 0]  # stressed vowels raise pitch and brows
        pitch = 1 + 0.22 * accent + 0.06 * wander(rng, len(track), 60.0)
        control, accent = np.column_stack([track, pitch])[_PAD : _PAD + ticks], accent[_PAD : _PAD + ticks : TICKS]
        slowness = sway_slowness(motion)
        pose = [wander(rng, frames, sigma * slowness) * amplitude * motion for sigma, amplitude in _POSE]
        brow = np.clip(1.1 * accent + 0.25 * wander(rng, frames, 8.0), -0.5, 1.2)
        blink, gaze = _blinks(rng, frames), _gaze(rng, frames) * min(motion, 1.0)
        mouth = control[TICKS // 2 :: TICKS, 5:8]
        state = np.column_stack([mouth, blink, brow, *pose, gaze])
        spans = tuple(span for span in babble.spans if span.end > 0 and span.start < frames / FPS)
        return Performance(state.astype(np.float32), control.astype(np.float32), spans)


def sway_slowness(motion: float) -> float:
    """Return the factor on the head's correlation times: 1 for the liveliest heads, at most 2 for calm ones."""
    return float(np.clip(1 / np.sqrt(max(motion, 1e-9)), 1, 2))


@dataclass(frozen=True)
class _Babble:
    """Sounds one after the other, before coarticulation."""

    track: Float64[ndarray, "ticks 8"]
    stress: Float64[ndarray, " ticks"]
    spans: tuple[PhonemeSpan, ...]


def _babble(rng: np.random.Generator, ticks: int) -> _Babble:
    rows: list[tuple[float, ...]] = []
    stress: list[float] = []
    spans: list[PhonemeSpan] = []
    while len(rows) < ticks:
        for name in _phrase(rng):
            phoneme = PHONEMES[name]
            length = round(rng.uniform(phoneme.shortest, phoneme.longest) * FPS * TICKS)
            start, end = ((at - _PAD) / (FPS * TICKS) for at in (len(rows), len(rows) + length))
            spans.append(PhonemeSpan(name, start, end))
            stress += [float(name in VOWELS and rng.random() < _STRESS_RATE)] * length
            rows += [phoneme.articulation] * length
    return _Babble(np.array(rows, float)[:ticks], np.array(stress)[:ticks], tuple(spans))


def _phrase(rng: np.random.Generator) -> list[str]:
    """Mostly a pause, then two to six syllables."""
    phrase = [SILENCE] if rng.random() < 0.9 else []
    for _ in range(rng.integers(2, 7)):
        onset = [str(rng.choice(CONSONANTS))] * (rng.random() < 0.9)
        nucleus = [str(rng.choice(VOWELS))]
        coda = [str(rng.choice(CONSONANTS))] * (rng.random() < 0.25)
        phrase += onset + nucleus + coda
    return phrase


def _coarticulate(track: Float64[ndarray, "ticks 8"]) -> Float64[ndarray, "ticks 8"]:
    """Let each sound glide into the next; formants glide in log frequency."""
    track = track.copy()
    track[:, :3] = np.log(track[:, :3])
    track = smooth(track, _COARTICULATION)
    track[:, :3] = np.exp(track[:, :3])
    return track


def _blinks(rng: np.random.Generator, frames: int) -> Float64[ndarray, " frames"]:
    blink, when = np.zeros(frames), rng.uniform(0, 60)
    while when < frames:
        blink = np.maximum(blink, np.clip(1.25 - np.abs(np.arange(frames) - when) / 2.6, 0, 1))
        when += rng.uniform(30, 110)
    return blink


def _gaze(rng: np.random.Generator, frames: int) -> Float64[ndarray, "{frames} 2"]:
    held = rng.uniform(-0.8, 0.8, (frames // _GAZE_FRAMES + 2, 2))
    start = int(rng.integers(_GAZE_FRAMES))
    return smooth(np.repeat(held, _GAZE_FRAMES, axis=0)[start : start + frames], 0.8) * (1, 0.6)
