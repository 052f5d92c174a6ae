from __future__ import annotations

import itertools
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.config import SamplingConfig, parse_config
from lt_bench.data.windows import audio_windows
from lt_bench.errors import ConfigError
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.models.conditions import Conditions
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.noise import clip_generator


def _request(name: str, frames: int) -> ClipRequest:
    g = clip_generator(99, name)
    return ClipRequest(name, torch.randn(32, 4, 4, generator=g), torch.randn(frames, 1, 80, generator=g))


def _generator(loaded: LoadedModel, **changes: Any) -> Generator:
    sampling = replace(loaded.card.config.sampling, **changes)
    return Generator(loaded.model, loaded.card.config.diffusion, sampling)


class _Counted(torch.nn.Module):
    """Counts how many windows the network sees."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.config, self.latent_shape = model, model.config, model.latent_shape
        self.windows: list[int] = []

    def encode_conditions(self, conditions: Conditions) -> Any:
        return self.model.encode_conditions(conditions)

    def forward(self, x: Tensor, t: Tensor, conditions: Any) -> Tensor:
        self.windows.append(len(x))
        return self.model(x, t, conditions)


def test_a_video_does_not_depend_on_those_beside_it(loaded: LoadedModel) -> None:
    requests = [_request("a", 5), _request("b", 9), _request("c", 4)]
    generator = _generator(loaded, audio_scale=2.0)
    together = generator.generate(requests)
    backwards = generator.generate(requests[::-1])[::-1]
    for request, one, other in zip(requests, together, backwards, strict=True):
        alone = generator.generate([request])[0]
        assert one.shape == (len(request.audio), 32, 4, 4)
        assert torch.allclose(one, alone, atol=1e-5)
        assert torch.allclose(one, other, atol=1e-5)


def test_the_noise_of_ddpm_steps_is_the_clips_own_too(loaded: LoadedModel) -> None:
    linear = replace(loaded.card.config.diffusion, schedule="linear", prediction="epsilon")
    sampling = SamplingConfig(sampler="ddpm", steps=4)
    generator = Generator(loaded.model, linear, sampling)
    requests = [_request("a", 5), _request("b", 6)]
    together = generator.generate(requests)
    assert torch.allclose(together[1], generator.generate(requests[1:])[0], rtol=1e-4, atol=1e-2)


def test_seed_and_id_decide_the_noise(loaded: LoadedModel) -> None:
    request = _request("a", 4)
    first = _generator(loaded).generate([request])[0]
    assert torch.equal(first, _generator(loaded).generate([request])[0])
    assert not torch.allclose(first, _generator(loaded, seed=1).generate([request])[0])
    assert not torch.allclose(first, _generator(loaded).generate([replace(request, id="z")])[0])


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 8, 11])
def test_any_length_can_be_generated(loaded: LoadedModel, frames: int) -> None:
    assert _generator(loaded).generate([_request("a", frames)])[0].shape == (frames, 32, 4, 4)


def test_windows_are_chained_by_motion_frames_and_see_their_own_audio(loaded: LoadedModel) -> None:
    seen: list[Conditions] = []
    model = loaded.model
    inner = model.encode_conditions
    model.encode_conditions = lambda conditions: (seen.append(conditions), inner(conditions))[1]  # type: ignore[method-assign]
    request = _request("a", 10)
    out = _generator(loaded).generate([request])[0]
    motions = [conditions.motion for conditions in seen]
    assert len(seen) == 3
    assert torch.equal(motions[0][0], request.portrait.expand(2, -1, -1, -1))  # type: ignore[index]
    assert torch.equal(motions[1][0], out[2:4])  # type: ignore[index]
    assert torch.equal(motions[2][0], out[6:8])  # type: ignore[index]
    for index, conditions in enumerate(seen):
        assert torch.equal(conditions.audio[0], audio_windows(request.audio, 4 * index, 4, 1))
    # Past the end of the sound its last frame is held.
    assert torch.equal(seen[2].audio[0, 3], request.audio[-1:].expand(3, -1, -1))


def test_every_window_can_start_from_the_portrait(loaded: LoadedModel) -> None:
    generator, request = _generator(loaded, motion="portrait"), _request("a", 9)
    seen: list[Conditions] = []
    original = generator._denoise
    generator._denoise = lambda c, n: seen.append(c) or original(c, n)  # type: ignore[method-assign,func-returns-value]
    generator.generate([request])
    assert len(seen) == 3
    for conditions in seen:
        assert torch.equal(conditions.motion[0], request.portrait.expand(2, -1, -1, -1))  # type: ignore[index]


def test_the_first_frames_do_not_depend_on_how_long_the_voice_goes_on(loaded: LoadedModel) -> None:
    long = _request("a", 12)
    short = replace(long, audio=long.audio[:9])
    a, b = _generator(loaded).generate([long])[0], _generator(loaded).generate([short])[0]
    assert torch.allclose(a[:4], b[:4], atol=1e-6)


@pytest.mark.parametrize(
    ("portrait_scale", "audio_scale", "copies"), [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 1, 3), (1.5, 3, 3)]
)
def test_guidance_makes_no_more_predictions_than_count(
    loaded: LoadedModel, portrait_scale: float, audio_scale: float, copies: int
) -> None:
    counted = _Counted(loaded.model)
    sampling = replace(loaded.card.config.sampling, portrait_scale=portrait_scale, audio_scale=audio_scale)
    Generator(counted, loaded.card.config.diffusion, sampling).generate([_request("a", 4), _request("b", 4)])  # type: ignore[arg-type]
    assert counted.windows == [2 * copies] * 3


@pytest.mark.parametrize(("portrait_scale", "audio_scale"), list(itertools.product((1.0, 1.5), (1.0, 2.0))))
def test_guidance_is_the_formula_applied_to_separate_predictions(
    loaded: LoadedModel, portrait_scale: float, audio_scale: float
) -> None:
    request = _request("a", 4)
    made = _generator(loaded, steps=1, portrait_scale=portrait_scale, audio_scale=audio_scale).generate([request])[0]
    x = torch.randn(1, 4, 32, 4, 4, generator=clip_generator(0, "a"))
    keep = torch.ones(1, dtype=torch.bool)
    conditions = Conditions(
        request.portrait[None],
        audio_windows(request.audio, 0, 4, 1)[None],
        request.portrait.expand(1, 2, -1, -1, -1),
        keep,
        keep,
    )
    u, p, pa = (
        loaded.model(x, torch.tensor([1000.0]), conditions.keeping(portrait=a, audio=b))
        for a, b in ((False, False), (True, False), (True, True))
    )
    # One Euler step of clean-latent prediction ends on the prediction itself.
    assert torch.allclose(made, (u + portrait_scale * (p - u) + audio_scale * (pa - p))[0], atol=1e-4)


def test_a_stream_holds_no_more_than_a_window(loaded: LoadedModel) -> None:
    runs = []
    for run in _generator(loaded, steps=1).stream(_request("a", 42)):
        assert sum(earlier() is not None for earlier in runs) <= 1
        runs.append(weakref.ref(run))
    assert len(runs) == 11
    assert len(next(_generator(loaded, steps=1).stream(_request("a", 10_000)))) == 4


def test_an_unfit_sampler_is_refused_at_once(loaded: LoadedModel) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.sampler"):
        Generator(loaded.model, loaded.card.config.diffusion, parse_config(SamplingConfig, {"sampler": "ddim"}))
