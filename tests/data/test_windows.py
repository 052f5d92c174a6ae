from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.data.cache import LatentCache
from lt_bench.data.training_windows import WindowDataset
from lt_bench.data.windows import audio_windows, mouth_mask
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import CacheError


@given(st.integers(1, 30), st.integers(-5, 30), st.integers(1, 12), st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_audio_windows_clamp_and_never_wrap(total: int, start: int, length: int, radius: int):
    features = torch.arange(total, dtype=torch.float32)[:, None, None].expand(-1, 2, 3)
    windows = audio_windows(features, start, length, radius)
    assert windows.shape == (length, 2 * radius + 1, 2, 3)
    for frame in range(length):
        for offset in range(-radius, radius + 1):
            assert windows[frame, offset + radius, 0, 0] == min(max(start + frame + offset, 0), total - 1)


def test_the_first_frame_does_not_hear_the_end_of_the_clip():
    features = torch.arange(10.0)[:, None, None]
    assert audio_windows(features, 0, 1, 2).flatten().tolist() == [0, 0, 0, 1, 2]
    assert audio_windows(features, 9, 1, 2).flatten().tolist() == [7, 8, 9, 9, 9]


def test_mouth_mask_covers_every_latent_pixel_that_the_box_touches():
    boxes = torch.tensor([[0.26, 0.5, 0.74, 0.76], [float("nan")] * 4, [0.0, 0.0, 1.0, 1.0]])
    mask = mouth_mask(boxes, 4, 4)
    assert mask[0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert mask[1].sum() == 0
    assert mask[2].sum() == 16


def test_a_box_that_ends_on_a_border_does_not_touch_the_next_pixel():
    mask = mouth_mask(torch.tensor([[0.25, 0.5, 0.75, 0.75]]), 4, 4)
    assert mask[0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert mask.dtype == torch.float32


@pytest.mark.parametrize(("total", "length", "radius"), [(0, 1, 0), (3, 0, 0), (3, 1, -1)])
def test_windows_of_nothing_are_refused(total: int, length: int, radius: int):
    with pytest.raises(ValueError, match=f"^expected features, .* got {total}, {length}, {radius}$"):
        audio_windows(torch.zeros(total, 1, 1), 0, length, radius)


def clip_with_frame_numbers(make_clip, name: str, frames: int):
    """Latents and audio that say which frame they are."""
    number = np.arange(frames, dtype=np.float32)
    scale = np.float32([0.5, 1, 2])[:, None, None]
    mean = np.float32([1, 2, 3])[:, None, None]
    latents = number[:, None, None, None] * scale + mean
    return make_clip(
        name,
        frames,
        latents=latents + np.zeros((1, 3, 4, 4), np.float32),
        audio=number[:, None, None] + np.zeros((1, 2, 5), np.float32),
    )


@pytest.fixture
def cache(tmp_path: Path, info, make_clip) -> LatentCache:
    with CacheWriter(tmp_path, info) as writer:
        for name, frames in (("a", 40), ("b", 12), ("short", 5)):
            writer.add(clip_with_frame_numbers(make_clip, name, frames))
        writer.finish()
    return LatentCache.open(tmp_path)


def dataset(cache: LatentCache, **changes: int) -> WindowDataset:
    settings = {"frames": 8, "motion_frames": 2, "audio_radius": 2, "length": 300, "seed": 7} | changes
    return WindowDataset(cache, "train", **settings)


def test_each_part_of_an_item_is_where_it_should_be(cache: LatentCache):
    starts = set()
    for item in map(dataset(cache).__getitem__, range(300)):
        start, total = int(item["start"]), (40, 12)[int(item["clip"])]
        starts.add((int(item["clip"]), start))
        shapes = {name: tuple(t.shape) for name, t in item.items()}
        assert shapes == {
            "latents": (8, 3, 4, 4),
            "portrait": (3, 4, 4),
            "motion": (2, 3, 4, 4),
            "audio": (8, 5, 2, 5),
            "mouth": (8, 4, 4),
            "clip": (),
            "index": (),
            "start": (),
        }
        assert item["latents"][:, 0, 0, 0].tolist() == list(range(start, start + 8))
        portrait = float(item["portrait"][1, 2, 3])
        assert not start <= portrait < start + 8
        assert 0 <= portrait < total
        before = [float(n) if n >= 0 else portrait for n in (start - 2, start - 1)]
        assert item["motion"][:, 0, 0, 0].tolist() == before
        heard = [[min(max(f + o, 0), total - 1) for o in (-2, -1, 0, 1, 2)] for f in range(start, start + 8)]
        assert item["audio"][..., 0, 0].tolist() == heard
        assert item["mouth"].sum() > 0
    assert {start for clip, start in starts if clip == 1} == {0, 1, 2, 3, 4}
    assert {0, 32} <= {start for clip, start in starts if clip == 0}


def test_an_item_depends_on_seed_and_index_alone(cache: LatentCache):
    full, resumed, other = dataset(cache), dataset(cache, offset=100, length=200), dataset(cache, seed=8)
    _ = full[3]
    for index in (0, 57, 199):
        again = resumed[index]
        assert all(torch.equal(value, again[name]) for name, value in full[100 + index].items())
    assert any(not torch.equal(full[i]["start"], other[i]["start"]) for i in range(20))


def test_loader_processes_change_nothing(cache: LatentCache):
    full = dataset(cache, length=12)
    loader = torch.utils.data.DataLoader(full, batch_size=4, num_workers=1, multiprocessing_context="spawn")
    for number, batch in enumerate(loader):
        expected = torch.stack([full[4 * number + i]["latents"] for i in range(4)])
        assert torch.equal(batch["latents"], expected)


def test_a_clip_as_long_as_the_window_takes_its_portrait_from_anywhere(cache: LatentCache):
    exact = dataset(cache, frames=40, length=30)
    portraits = {float(exact[i]["portrait"][0, 0, 0]) for i in range(30)}
    assert len(portraits) > 10
    assert portraits <= set(map(float, range(40)))


def test_no_motion_frames_is_an_empty_tensor(cache: LatentCache):
    assert dataset(cache, motion_frames=0)[0]["motion"].shape == (0, 3, 4, 4)


def test_clips_shorter_than_the_window_are_an_error_when_nothing_else_is_left(cache: LatentCache):
    with pytest.raises(CacheError, match="at least 50 frames, got 3 clips, the longest of 40"):
        dataset(cache, frames=50)
    with pytest.raises(CacheError, match="got 0 clips"):
        WindowDataset(cache, "test", frames=8, motion_frames=0, audio_radius=0, length=1, seed=0)
