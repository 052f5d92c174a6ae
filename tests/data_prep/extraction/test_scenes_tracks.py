"""Scenes, face tracks, duplicates, speech: the parts that decide what a clip is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.extraction.face_tracks import MAX_GAP, follow, second_face_share, speaker
from data_prep.extraction.scenes import SceneCutter, scene_spans
from data_prep.extraction.voice_activity import VoiceDetector
from data_prep.filters.duplicates import Fingerprint, find_duplicates
from data_prep.outcome import Done, Rejected, finished_jobs
from data_prep.rules import RejectionError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import Face


def face(x: float, y: float, size: float = 100.0) -> Face:
    corners = np.float32([[x - size / 2, y - size / 2, 0], [x + size / 2, y + size / 2, 0]])
    points = np.concatenate([corners, np.full((476, 3), (x, y, 0), np.float32)])
    return Face(points, np.zeros(52, np.float32), np.zeros(3, np.float32))


def test_a_cut_is_found_at_its_frame_and_a_flash_is_none():
    rng = np.random.default_rng(0)
    one, two = (rng.integers(0, 255, (20, 30, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8) for _ in range(2))
    cutter = SceneCutter(18.0)
    for frame in [one] * 20 + [two] * 20 + [one] * 20:
        cutter.add(frame)
    assert cutter.cuts == [20, 40]
    never = SceneCutter(0)
    for frame in [one] * 10 + [two] * 10:
        never.add(frame)
    assert never.cuts == []


@given(st.integers(1, 400), st.lists(st.integers(-5, 500), max_size=6, unique=True), st.integers(0, 90))
@settings(deadline=None)
def test_spans_cover_every_frame_once(count: int, cuts: list[int], most: int):
    spans = scene_spans(count, sorted(cuts), most)
    assert [k for start, stop in spans for k in range(start, stop)] == list(range(count))
    assert {start for start, _ in spans} >= {cut for cut in cuts if 0 < cut < count}
    if most:
        assert all(stop - start <= most for start, stop in spans)


def test_two_people_who_swap_places_in_the_list_keep_their_tracks():
    frames = []
    for k in range(40):
        left, right = face(100 + k, 100), face(400 - k, 110, 140)
        frames.append([left, right] if k % 2 else [right, left])
    frames[10] = []  # lost for a moment
    tracks = follow(frames)
    assert len(tracks) == 2
    chosen = speaker(tracks)
    assert chosen is not None
    assert chosen.height == pytest.approx(140)
    assert len(chosen.faces) == 39
    assert second_face_share(tracks, chosen, 40) == pytest.approx(39 / 40)
    track = chosen.as_face_track([len(faces) for faces in frames])
    assert track.found.sum() == 39
    assert not track.found[10]
    in_region = speaker(tracks, np.array([0.0, 0.0, 160.0, 200.0]))
    assert in_region is not None
    assert in_region is not chosen
    assert speaker(tracks, np.array([800.0, 800.0, 900.0, 900.0])) is None
    assert speaker([]) is None


def test_a_small_face_in_the_back_is_no_second_face():
    frames = [[face(200, 200, 150), face(40, 40, 60)] for _ in range(30)]
    tracks = follow(frames)
    chosen = speaker(tracks)
    assert chosen is not None
    assert second_face_share(tracks, chosen, 30) == 0


def fingerprint(frames: np.ndarray, audio: np.ndarray) -> str:
    made = Fingerprint(len(frames))
    for frame in frames:
        made.add(frame)
    return made.text(audio)


def test_a_copy_of_another_brightness_is_found_and_the_same_speaker_s_other_take_is_not(mirror: Path):
    folder = mirror / "grid-sample"
    clips = {name: (read_frames(folder / f"{name}.mpg"), read_audio(folder / f"{name}.mpg")) for name in
             ("pwij3p", "id2_vcd_swwp2s", "bbaf2n")}  # fmt: skip
    prints = {name: fingerprint(frames, audio) for name, (frames, audio) in clips.items()}
    assert find_duplicates(prints) == {}
    frames, audio = clips["pwij3p"]
    prints["zz_copy"] = fingerprint((frames * 0.9 + 8).astype(np.uint8), 0.5 * audio)
    prints["zz_other_sound"] = fingerprint(frames, clips["bbaf2n"][1])
    copies = find_duplicates(prints)
    assert list(copies) == ["zz_copy"]
    assert copies["zz_copy"][0] == "pwij3p"
    assert copies["zz_copy"][1] > 0.95


def test_speech_is_told_from_tones_and_silence(mirror: Path):
    detector = VoiceDetector()
    speech = read_audio(mirror / "grid-sample" / "sbia1a.mpg")
    tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)).astype(np.float32)
    assert 0.4 < detector.speech(speech).mean() < 0.9
    assert detector.speech(tone).mean() == 0
    assert detector.speech(np.zeros(16000, np.float32)).mean() == 0
    twice = detector.speech(np.concatenate([np.zeros(16000, np.float32), speech]))
    assert not twice[:12000].any()


def test_a_rejection_carries_its_numbers():
    clip = Rejected.by(RejectionError("blur", "expected\nmore", 3.14159, 10), "a", "a.mp4")
    assert (clip.rule, clip.value, clip.limit, clip.reason) == ("blur", 3.1416, 10, "expected more")


def test_a_job_is_finished_when_each_of_its_clips_is_there():
    done = Done.of("job", [Rejected("job.s0", "a", "why"), Rejected("job.s1", "a", "why")])
    entries = [vars(clip) for clip in done.rejected]
    assert finished_jobs(entries) == {"job"}
    assert finished_jobs(entries[:1]) == set()


@pytest.mark.parametrize("lapse", [MAX_GAP, MAX_GAP + 1, 200])
def test_a_face_that_is_lost_for_a_while_is_nobody_else(lapse: int):
    frames = [[] if 300 <= k < 300 + lapse else [face(200, 200)] for k in range(800)]
    tracks = follow(frames)
    assert len(tracks) == 1
    assert second_face_share(tracks, tracks[0], 800) == 0


def test_a_face_seen_all_along_goes_before_one_that_was_lost_there():
    """The speaker moves to where somebody else was seen long ago, and stays one track."""
    frames = [[face(200 + k, 200), face(300, 200)] if k < 5 else [face(200 + k, 200)] for k in range(5 + MAX_GAP + 100)]
    tracks = follow(frames)
    assert [len(track.faces) for track in tracks] == [len(frames), 5]
