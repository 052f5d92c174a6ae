"""Synthetic clips: a pure function of integer seeds, on every process, with consistent ground truth."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.synthetic import SETTLED, STATE, make_clip
from data_prep.synthetic.identity import Identity, identity_columns
from data_prep.synthetic.performance import TICKS, Performance
from data_prep.synthetic.phonemes import CONSONANTS, PHONEMES, SILENCE, VOWELS
from lt_bench.conventions import FPS

GOLDEN_MEANS = [[152.31, 142.38, 112.37], [153.06, 143.03, 112.58], [152.58, 142.47, 112.86]]
GOLDEN_DEVIATIONS = [[35.82, 34.15, 36.99], [35.62, 33.77, 37.08], [35.7, 34.37, 37.2]]
GOLDEN_TRUTH = [
    0.11649,
    -0.42578,
    0.89756,
    0.0,
    0.32658,
    -0.15738,
    0.06061,
    -0.09973,
    0.0069,
    0.02558,
    -0.54081,
    0.35484,
]
GOLDEN_LOUDNESS = [0.065818, 0.092794, 0.096022]
DIGEST = """
import hashlib
from data_prep.synthetic import make_clip
clip = make_clip(speaker=5, take=1, frames=12, size=64)
print(hashlib.sha256(clip.frames.tobytes()).hexdigest(), hashlib.sha256(clip.audio.tobytes()).hexdigest())
"""


def test_another_process_makes_the_same_bytes() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    other = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, env=environment)
    clip = make_clip(speaker=5, take=1, frames=12, size=64)
    assert other.stdout.split() == [hashlib.sha256(part.tobytes()).hexdigest() for part in (clip.frames, clip.audio)]


def test_pictures_and_sound_have_not_changed() -> None:
    """Means rather than bytes: the maths library of another machine may round differently."""
    clip = make_clip(speaker=3, take=0, frames=20, size=64)
    means = clip.frames[[0, 9, 19]].mean((1, 2))
    np.testing.assert_allclose(means, GOLDEN_MEANS, atol=0.3)
    deviations = clip.frames[[0, 9, 19]].std((1, 2))
    np.testing.assert_allclose(deviations, GOLDEN_DEVIATIONS, atol=0.3)
    np.testing.assert_allclose(clip.truth[9], GOLDEN_TRUTH, atol=1e-4)
    loudness = np.sqrt(np.mean(clip.audio.reshape(20, 640) ** 2, axis=1))[[2, 9, 15]]
    np.testing.assert_allclose(loudness, GOLDEN_LOUDNESS, rtol=2e-3)


def test_a_take_keeps_the_person_and_changes_all_else() -> None:
    first, second = (make_clip(speaker=7, take=take, frames=16, size=32) for take in (0, 1))
    np.testing.assert_array_equal(first.identity, second.identity)
    assert np.abs(first.frames[0, 0].astype(float) - second.frames[0, 0]).mean() > 3  # another backdrop
    assert np.abs(first.truth - second.truth).max() > 0.1
    assert np.abs(first.audio - second.audio).max() > 0.01
    assert [span.name for span in first.phonemes] != [span.name for span in second.phonemes]


def test_speakers_differ_with_their_seed() -> None:
    vectors = np.stack([Identity.sample(seed).vector() for seed in range(50)])
    assert len(np.unique(vectors, axis=0)) == 50
    np.testing.assert_array_equal(vectors[3], Identity.sample(3).vector())


def test_a_clip_has_the_documented_shapes_and_kinds() -> None:
    clip = make_clip(speaker=1, take=0, frames=18, size=48)
    assert (clip.frames.shape, clip.frames.dtype) == ((18, 48, 48, 3), np.uint8)
    assert (clip.audio.shape, clip.audio.dtype) == ((18 * 640,), np.float32)
    assert clip.portrait.shape == (48, 48, 3)
    assert clip.truth.shape == (18, len(STATE))
    assert clip.mouth_box.shape == (18, 4)
    assert clip.landmarks.shape == (18, 10, 2)
    assert clip.identity.shape == (len(identity_columns()),)
    assert np.abs(clip.audio).max() <= 1


def test_every_identity_number_has_a_name() -> None:
    who = Identity.sample(4)
    named = dict(zip(identity_columns(), who.vector(), strict=True))
    assert named["skin_g"] == pytest.approx(who.skin[1])
    assert named["pitch_hz"] == pytest.approx(who.pitch_hz)
    assert named["glasses"] == float(who.glasses)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), frames=st.integers(1, 90))
def test_the_state_stays_in_its_ranges(seed: int, frames: int) -> None:
    act = Performance.sample(seed, frames)
    assert act.state.shape == (frames, len(STATE))
    assert np.isfinite(act.state).all()
    for name, low, high in (("opening", 0, 1), ("width", -0.5, 1), ("rounding", 0, 1), ("blink", 0, 1)):
        assert low - 1e-6 <= act[name].min() <= act[name].max() <= high + 1e-6, name
    assert np.abs(act["yaw"]).max() < 0.4
    assert np.abs(act["roll"]).max() < 0.25


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), frames=st.integers(1, 90))
def test_phonemes_cover_the_clip_without_a_gap(seed: int, frames: int) -> None:
    spans = Performance.sample(seed, frames).phonemes
    assert spans[0].start <= 0
    assert spans[-1].end >= frames / FPS
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(spans))


def test_a_frame_shows_the_mouth_of_its_middle_tick() -> None:
    act = Performance.sample(11, 30)
    np.testing.assert_array_equal(act.state[:, :3], act.control[TICKS // 2 :: TICKS, 5:8])


def test_without_motion_the_head_is_still_and_the_words_are_the_same() -> None:
    still, moving = Performance.sample(2, 40, motion=0.0), Performance.sample(2, 40)
    assert np.abs(still.state[:, 5:10]).max() == 0
    np.testing.assert_array_equal(still.state[:, :3], moving.state[:, :3])


def test_clips_start_near_a_pause_and_utterances_are_unrelated_once_settled() -> None:
    openings = np.stack([Performance.sample(seed, 75)["opening"] for seed in range(80)])
    assert openings[:, 0].mean() < 0.6 * openings[:, SETTLED:].mean()
    settled = np.corrcoef(openings[:, SETTLED:])[np.triu_indices(80, 1)]
    assert abs(settled.mean()) < 0.02
    assert np.corrcoef(openings[:, :SETTLED])[np.triu_indices(80, 1)].mean() > 0.05


def test_vowels_consonants_and_silence_are_all_phonemes() -> None:
    assert sorted((*VOWELS, *CONSONANTS, SILENCE)) == sorted(PHONEMES)


def test_the_portrait_is_the_neutral_face_in_the_scene_of_the_clip() -> None:
    clip, other = (make_clip(speaker=9, take=take, frames=2, size=64) for take in (0, 1))
    corner = (slice(0, 6), slice(0, 6))
    np.testing.assert_array_equal(clip.portrait[corner], clip.frames[0][corner])
    assert np.abs(clip.portrait[corner].astype(float) - other.portrait[corner]).mean() > 3
    middle = clip.portrait.astype(float)
    assert np.abs(middle - middle[:, ::-1]).mean() < 25  # frontal: about symmetric
