"""Sound in runs and slices is the sound as a whole, and takes no more memory the longer it is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import MediaError
from lt_bench.media.audio import iter_audio, read_audio, resample_waveform, spool_audio, write_wav
from lt_bench.media.sound import SpooledSound
from lt_bench.media.video_writer import video_writer, write_video


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_runs_joined_are_the_whole_resampled_at_once(tmp_path: Path, rate: int) -> None:
    sound = noise(3 * rate + 777)
    write_wav(tmp_path / "a.wav", sound, rate)
    runs = list(iter_audio(tmp_path / "a.wav"))
    stored = (np.rint(sound * 32768) / 32768).astype(np.float32)
    np.testing.assert_allclose(np.concatenate(runs), resample_waveform(stored, rate, 16000).clip(-1, 1), atol=1e-6)
    assert max(map(len, runs)) < 4800


def test_spooled_sound_is_sliced_like_an_array(tmp_path: Path) -> None:
    sound = noise(2001)
    with SpooledSound([sound[:700], sound[700:700], sound[700:]], tmp_path) as spooled:
        assert len(spooled) == 2001
        for part in (slice(0, 10), slice(690, 2001), slice(1990, 5000), slice(-5, None), slice(7, 3), slice(None)):
            np.testing.assert_array_equal(spooled[part], sound[part])
    assert list(tmp_path.iterdir()) == []


def test_bad_sound_leaves_nothing_and_is_explained(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(MediaError, match=r"bad\.wav"):
        spool_audio(tmp_path / "bad.wav", tmp_path)
    with pytest.raises(MediaError, match="expected a writable folder"):
        SpooledSound([], tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.wav"]


def test_ten_minutes_of_sound_take_the_memory_of_one_second(tmp_path: Path) -> None:
    def runs(seconds: int) -> Iterator[np.ndarray]:
        return (noise(16000, second) for second in range(seconds))

    def peak(seconds: int) -> int:
        tracemalloc.start()
        with SpooledSound(runs(seconds), tmp_path) as spooled:
            for start in range(0, len(spooled), 16000):
                assert len(spooled[start : start + 16000]) == 16000
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(600) < peak(1) + 300_000


def test_a_video_written_with_spooled_sound_is_that_with_an_array(tmp_path: Path) -> None:
    frames, sound = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8), noise(9 * 640)
    write_video(tmp_path / "array.mp4", frames, 25.0, sound)
    with SpooledSound([sound], tmp_path) as spooled, video_writer(tmp_path / "spooled.mp4", 25.0, spooled) as write:
        for frame in frames:
            write(frame)
            assert not (tmp_path / "spooled.mp4").exists()
    assert (tmp_path / "spooled.mp4").read_bytes() == (tmp_path / "array.mp4").read_bytes()
    with SpooledSound([6 * sound], tmp_path) as loud, pytest.raises(MediaError, match=r"got a peak of 2\.9"):
        write_video(tmp_path / "loud.mp4", frames, 25.0, loud)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["array.mp4", "spooled.mp4"]


def test_the_start_of_a_videos_sound_is_that_of_its_first_frame_in_runs_too(tmp_path: Path) -> None:
    frames = np.zeros((25, 32, 32, 3), np.uint8)
    write_video(tmp_path / "a.mp4", frames, 25.0, noise(16000))
    with spool_audio(tmp_path / "a.mp4", tmp_path) as spooled:
        np.testing.assert_array_equal(spooled[:], read_audio(tmp_path / "a.mp4"))
