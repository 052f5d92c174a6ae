"""One clip shows one person: dissolves between two people are refused, and black frames at fades belong to no clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.datasets.jobs import VideoJob
from data_prep.extraction.extractor import FilmCutter, Refused
from data_prep.extraction.raw_clip import Material
from data_prep.extraction.scenes import SceneCutter, scene_spans
from data_prep.filters.single_speaker import places_to_look
from lt_bench.config.data import CropConfig, QualityConfig
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video
from lt_bench.perception.faces import FaceTrack

QUALITY = QualityConfig(min_speech_share=0.0, max_offset=None)


def faces(centres: list[float | None]) -> FaceTrack:
    """A track of faces 100 pixels wide at these x, None where there is none."""
    landmarks = np.full((len(centres), 478, 3), np.nan, np.float32)
    for frame, x in enumerate(centres):
        if x is not None:
            landmarks[frame] = np.random.default_rng(0).uniform(0, 100, (478, 3)) + np.array([x, 0, 0])
    shapes, pose = (np.zeros((len(centres), size), np.float32) for size in (52, 3))
    found = np.array([x is not None for x in centres])
    return FaceTrack(landmarks, shapes, pose, found, found.astype(np.int64))


def test_looks_are_spread_and_taken_on_both_sides_of_jumps():
    assert places_to_look(faces([0.0] * 75)) == [0, 37, 74]
    assert places_to_look(faces([0.0] * 30 + [60.0] * 45)) == [0, 29, 30, 37, 74]
    assert places_to_look(faces([0.0] * 10 + [None] * 5 + [0.0] * 16)) == [0, 9, 15, 17, 30]
    assert places_to_look(faces([None, 0.0, None])) == [1]
    assert len(places_to_look(faces([0.0] * 5000))) == 16


def clips(path: Path, quality: QualityConfig = QUALITY) -> list[Material | Refused]:
    cutter = FilmCutter(64, CropConfig(), quality)
    job = VideoJob("film", "film", "train", "clip", path, path.name)
    try:
        return list(cutter.clips(job))
    finally:
        cutter.close()


@pytest.fixture
def dissolve(mirror: Path, tmp_path: Path) -> Path:
    """A second of one speaker, a dissolve of 0.6 s, a second of another."""
    (one, voice), (two, other) = (
        (read_frames(path, max_frames=40), read_audio(path))
        for path in (mirror / "grid-sample" / f"{name}.mpg" for name in ("swiz3n", "bbaf2n"))
    )
    mix = np.linspace(0, 1, 15)[:, None, None, None]
    both = np.rint((1 - mix) * one[25:] + mix * two[:15]).astype(np.uint8)
    sound = np.concatenate([voice[: 40 * 640], other[15 * 640 : 40 * 640]])
    write_video(tmp_path / "dissolve.mp4", np.concatenate([one[:25], both, two[15:]]), audio=sound)
    return tmp_path / "dissolve.mp4"


def test_a_dissolve_between_two_people_is_refused(dissolve: Path):
    (refused,) = clips(dissolve)
    assert isinstance(refused, Refused)
    assert refused.rejected.rule == "two_people"
    assert refused.rejected.value is not None
    assert refused.rejected.value > 0.75
    assert refused.rejected.limit == 0.6
    (kept,) = clips(dissolve, QualityConfig(min_speech_share=0.0, max_offset=None, max_person_distance=None))
    assert isinstance(kept, Material)


def test_black_frames_at_fades_belong_to_no_clip(mirror: Path, tmp_path: Path):
    path = mirror / "grid-sample" / "sbia1a.mpg"
    frames, voice = read_frames(path)[:70], read_audio(path)[: 70 * 640]
    level = np.ones(70)
    level[:8], level[-8:] = np.linspace(0, 1, 8), np.linspace(1, 0, 8)
    write_video(tmp_path / "fade.mp4", np.rint(frames * level[:, None, None, None]).astype(np.uint8), audio=voice)
    (kept,) = clips(tmp_path / "fade.mp4")
    assert isinstance(kept, Material)
    assert 64 <= kept.count <= 68
    assert len(kept.audio) == 640 * kept.count
    assert min(frame.mean() for frame in kept.frames()) > 12


def test_a_film_of_nothing_but_black_is_listed(mirror: Path, tmp_path: Path):
    voice = read_audio(mirror / "grid-sample" / "sbia1a.mpg")[: 50 * 640]
    write_video(tmp_path / "black.mp4", np.zeros((50, 64, 64, 3), np.uint8), audio=voice)
    (refused,) = clips(tmp_path / "black.mp4")
    assert isinstance(refused, Refused)
    assert refused.rejected.rule == "dark"


def test_black_frames_are_found_without_a_threshold_for_cuts():
    cutter = SceneCutter(0)
    for level in (0, 5, 40, 200, 11):
        cutter.add(np.full((20, 30, 3), level, np.uint8))
    assert cutter.black == [0, 1, 4]


@given(st.integers(1, 100), st.lists(st.integers(0, 99), unique=True), st.lists(st.integers(0, 99), unique=True))
@settings(deadline=None)
def test_spans_cover_every_frame_that_is_not_black_once(count: int, cuts: list[int], black: list[int]):
    spans = scene_spans(count, sorted(cuts), 0, black)
    assert [k for start, stop in spans for k in range(start, stop)] == sorted(set(range(count)) - set(black))
