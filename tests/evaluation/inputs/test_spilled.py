"""What a large set holds lies in files, and gives the same numbers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lt_bench.evaluation.inputs.spilled_frames import SpilledFrames, gather
from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance, frechet_distance_of_parts, real_floor


def resident(frames: np.ndarray) -> int:
    """Bytes of the frames' file that are in memory, of Linux's account."""
    address = f"{frames.__array_interface__['data'][0]:x}-"
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    next(line for line in lines if line.startswith(address))
    return 1024 * int(next(line for line in lines if line.startswith("Rss:")).split()[1])


def test_frames_beyond_the_limit_lie_in_a_file() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    small, large = gather(iter(frames)), gather(iter(frames), limit=1000)
    assert isinstance(large, SpilledFrames)
    assert not isinstance(small, np.memmap)
    np.testing.assert_array_equal(large, frames)
    np.testing.assert_array_equal(small, frames)
    assert gather(iter(())) is None


def test_a_spilled_video_is_read_like_any_other() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    large = gather(iter(frames), limit=1000)
    assert large is not None
    tail = large[3:]
    assert all(np.array_equal(a, b) for a, b in zip(tail, frames[3:], strict=True))
    assert all(np.array_equal(b, frames[4 + i]) for i, (_, b) in enumerate(pairwise(tail)))
    np.testing.assert_array_equal(large[::5], frames[::5])
    np.testing.assert_array_equal(large[[2, 7]], frames[[2, 7]])
    np.testing.assert_array_equal(large[np.int64(4)], frames[4])
    assert float(tail.mean()) == frames[3:].mean()


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux's account of memory is not here")
def test_going_through_a_spilled_video_keeps_little_of_it_in_memory() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (64, 256, 256, 3), np.uint8)
    large = gather(iter(frames), limit=2**20)
    assert large is not None
    for number, frame in enumerate(large[2:]):
        assert frame.any()
        if number in (1, 60):
            assert resident(large) < frames.nbytes / 8
    assert large[2:].any(axis=(1, 2, 3)).all()
    assert resident(large) > frames.nbytes / 2  # so that the account is one of this very file


def test_a_frechet_distance_of_many_clips_is_that_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(6, 6))
    clips = [
        {"generated": rng.normal(size=(n, 6)) @ turn, "real": rng.normal(size=(n + 1, 6)) + 0.2} for n in range(60)
    ]
    for some in (clips[1:3], clips[:5], clips):
        sides = Rows(some, "generated"), Rows(some, "real")
        whole = frechet_distance(*(side.whole() for side in sides))
        assert frechet_distance_of_parts(*sides) == pytest.approx(whole, rel=1e-10)
    floor = real_floor(clips)
    assert floor is not None
    halves = [np.concatenate([np.array_split(c["real"], 2)[side] for c in clips]) for side in (0, 1)]
    assert floor.value == pytest.approx(frechet_distance(*halves), rel=1e-10)
    assert f"(N={len(halves[0])}) against the second (N={len(halves[1])})" in floor.note
