"""Windows that share frames: the shared frames are the earlier window's, and the later one is generated around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lt_bench.config import DiffusionConfig
from lt_bench.data.windows import audio_windows
from lt_bench.diffusion.objective import Objective
from lt_bench.errors import ConfigError
from lt_bench.models.build import build_model
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.models.conditions import Conditions
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.noise import clip_generator
from lt_bench.sampling.operations import count_operations
from lt_bench.sampling.overlap import SharedFrames, window_starts


def _request(name: str, frames: int) -> ClipRequest:
    g = clip_generator(99, name)
    return ClipRequest(name, torch.randn(32, 4, 4, generator=g), torch.randn(frames, 1, 80, generator=g))


def _generator(loaded: LoadedModel, **changes: Any) -> Generator:
    return Generator(loaded.model, loaded.card.config.diffusion, replace(loaded.card.config.sampling, **changes))


@given(st.integers(1, 200), st.integers(1, 16), st.data())
def test_windows_cover_every_frame_once(total: int, frames: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, frames - 1))
    starts = window_starts(total, frames, overlap)
    new = [frames] + [frames - overlap] * (len(starts) - 1)
    assert starts == [sum(new[:k]) for k in range(len(starts))]
    assert starts[-1] < total <= sum(new)


def test_a_video_without_frames_has_no_window() -> None:
    assert window_starts(0, 8, 2) == []


@pytest.mark.parametrize("schedule", ["linear", "flow"])
def test_shared_frames_have_the_noise_of_their_timestep(schedule: str) -> None:
    diffusion = DiffusionConfig(schedule=schedule, prediction="sample")  # type: ignore[arg-type]
    known, noise, x = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 8, 4, 2, 2), torch.randn(2, 8, 4, 2, 2)
    t = torch.tensor(400.0)
    held = SharedFrames(known, noise, diffusion).hold(x, t)
    expected = Objective(diffusion, learn_sigma=False).add_noise(known, noise[:, :3], t.expand(2))
    torch.testing.assert_close(held[:, :3], expected, rtol=0, atol=1e-6)
    assert torch.equal(held[:, 3:], x[:, 3:])


@pytest.mark.parametrize("motion_frames", [0, 2, 6])
def test_a_window_starts_with_the_frames_it_shares(loaded: LoadedModel, motion_frames: int) -> None:
    config = loaded.card.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(replace(config.model, motion_frames=motion_frames), (32, 4, 4), (1, 80)).eval()
    seen: list[Conditions] = []
    inner = model.encode_conditions
    model.encode_conditions = lambda c, *more: (seen.append(c), inner(c, *more))[1]  # type: ignore[method-assign]
    request = _request("a", 9)
    generator = Generator(model, config.diffusion, replace(config.sampling, overlap=1))
    results: list[torch.Tensor] = []
    denoise = generator._denoise
    generator._denoise = lambda *a: (results.append(denoise(*a)), results[-1])[1]  # type: ignore[method-assign]
    out = generator.generate([request])[0]
    assert out.shape == (9, 32, 4, 4)
    # Frames 0-3, then 3-6 and 6-9, each beginning with the last frame of the one before.
    assert [torch.equal(window[0, 0], out[at]) for window, at in zip(results, (0, 3, 6), strict=True)] == [True] * 3
    assert torch.equal(results[1][0], out[3:7])
    bank = torch.cat([request.portrait.expand(motion_frames, -1, -1, -1), out])
    for conditions, first in zip(seen, (0, 3, 6), strict=True):
        assert torch.equal(conditions.audio[0], audio_windows(request.audio, first, 4, 1))
        if motion_frames:
            assert torch.equal(conditions.motion[0], bank[first : first + motion_frames])  # type: ignore[index]


def test_clips_side_by_side_are_those_made_alone_with_an_overlap_too(loaded: LoadedModel) -> None:
    requests = [_request("a", 11), _request("b", 5), _request("c", 4)]
    generator = _generator(loaded, overlap=2, audio_scale=2.0)
    for request, made in zip(requests, generator.generate(requests), strict=True):
        torch.testing.assert_close(made, generator.generate([request])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("window_noise", "alike"), [("shared", True), ("independent", False)])
def test_windows_share_their_first_noise_where_asked(
    loaded: LoadedModel, window_noise: str, alike: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, seen = _generator(loaded, window_noise=window_noise, motion="portrait"), []
    known = SharedFrames.__init__
    monkeypatch.setattr(SharedFrames, "__init__", lambda self, k, n, d: (seen.append(n), known(self, k, n, d))[1])
    generator.generate([_request("a", 12), _request("b", 12)])
    assert len(seen) == 3
    assert torch.equal(seen[0], seen[2]) is alike
    assert not torch.equal(seen[0][0], seen[0][1])


def test_an_overlap_as_long_as_the_window_is_refused(loaded: LoadedModel) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.overlap: expected 0 to 3 \(model\.frames - 1\), got 4"):
        _generator(loaded, overlap=4)


def test_the_cost_of_an_overlap_is_counted(loaded: LoadedModel) -> None:
    config = loaded.card.config
    plain, shared = (
        count_operations(config.model, config.diffusion, replace(config.sampling, overlap=overlap), (32, 4, 4), (1, 80))
        for overlap in (0, 2)
    )
    assert plain.of_video(16) - plain.video == 4 * plain.window
    assert shared.of_video(16) - shared.video == 7 * plain.window
