"""The list of synthetic clips: disjoint people, stable names, checked numbers."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from data_prep.synthetic import render, synthetic_clips
from data_prep.synthetic.dataset import MAX_SEED, MAX_SPEAKERS, SPEAKER_SEEDS, speaker_seed
from lt_bench.config import SyntheticConfig
from lt_bench.errors import ConfigError

SMALL = SyntheticConfig(train_speakers=5, validation_speakers=3, test_speakers=4, train_frames=16, test_frames=20)


def test_splits_share_no_person() -> None:
    clips = synthetic_clips(SyntheticConfig(), 64)
    for key in ("identity", "speaker"):
        people = {s: {getattr(c, key) for c in clips if c.split == s} for s in ("train", "validation", "test")}
        assert [len(people[s]) for s in people] == [320, 8, 12]
        for a, b in itertools.combinations(people, 2):
            assert not people[a] & people[b]


def test_no_purpose_shares_a_speaker_with_another_for_any_seed() -> None:
    for a, b in itertools.combinations(SPEAKER_SEEDS.values(), 2):
        assert a.stop <= b.start or b.stop <= a.start
    for purpose, block in SPEAKER_SEEDS.items():
        for seed, index in itertools.product((0, 1, MAX_SEED), (0, MAX_SPEAKERS - 1)):
            assert speaker_seed(purpose, index, seed) in block
    assert speaker_seed("train", MAX_SPEAKERS - 1, 0) < speaker_seed("train", 0, 1)


def test_ids_are_unique_and_do_not_depend_on_the_size_of_other_splits() -> None:
    clips = synthetic_clips(SMALL, 64)
    assert len({c.id for c in clips}) == len(clips) == (5 + 3 + 4) * 2
    more = synthetic_clips(dataclasses.replace(SMALL, train_speakers=50), 64)
    assert [c for c in clips if c.split == "test"] == [c for c in more if c.split == "test"]
    assert "test_spk0003_take1" in {c.id for c in clips}


def test_the_last_take_of_held_out_speakers_is_the_gallery() -> None:
    for clip in synthetic_clips(dataclasses.replace(SMALL, takes=3), 64):
        assert clip.role == ("gallery" if clip.split != "train" and clip.take == 2 else "clip")
        assert clip.frames == (16 if clip.split == "train" else 20)


def test_a_single_take_is_a_clip_and_no_gallery() -> None:
    assert {c.role for c in synthetic_clips(dataclasses.replace(SMALL, takes=1), 64)} == {"clip"}


def test_another_seed_gives_other_people_under_the_same_names() -> None:
    first, second = synthetic_clips(SMALL, 64), synthetic_clips(dataclasses.replace(SMALL, seed=1), 64)
    assert [c.id for c in first] == [c.id for c in second]
    assert not {c.speaker for c in first} & {c.speaker for c in second}


def test_a_worker_process_renders_the_same_clip() -> None:
    spec = synthetic_clips(SMALL, 32)[-1]
    assert pickle.loads(pickle.dumps(spec)) == spec
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        theirs = pool.submit(render, spec, 32).result(timeout=120)
    ours = render(spec, 32)
    for field in dataclasses.fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name), err_msg=field.name)
    assert ours.frames.shape == (spec.frames, 32, 32, 3)


def test_a_clip_looks_the_same_at_every_resolution() -> None:
    spec = dataclasses.replace(synthetic_clips(SMALL, 64)[0], frames=2)
    small, large = render(spec, 64), render(spec, 128)
    halved = large.frames.reshape(2, 64, 2, 64, 2, 3).mean((2, 4))
    assert np.abs(halved - small.frames).mean() < 3
    np.testing.assert_array_equal(small.mouth_box, large.mouth_box)
    np.testing.assert_array_equal(small.audio, large.audio)


@pytest.mark.parametrize(
    ("change", "resolution", "message"),
    [
        ({"takes": 0}, 64, "synthetic.takes: expected at least 1, got 0"),
        ({"train_speakers": -1}, 64, "synthetic.train_speakers: expected 0..100000, got -1"),
        ({"test_frames": 3}, 64, "synthetic.test_frames: expected at least 16 frames, got 3"),
        ({"seed": -1}, 64, "synthetic.seed: expected 0..9999, got -1"),
        ({}, 50, "resolution: expected a multiple of 4 from 32 to 1024, got 50"),
    ],
)
def test_numbers_out_of_range_are_named(change: dict[str, int], resolution: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        synthetic_clips(dataclasses.replace(SMALL, **change), resolution)
