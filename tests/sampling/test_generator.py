from __future__ import annotations

import itertools
import weakref
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.config import FusionConfig, SamplingConfig, parse_config
from lt_bench.data.windows import audio_windows
from lt_bench.errors import ConfigError
from lt_bench.models import presets
from lt_bench.models.build import build_model
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
    """Counts how many windows the network sees, and how often conditions are encoded."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.config, self.latent_shape = model, model.config, model.latent_shape
        self.windows: list[int] = []
        self.encodings: Counter[str] = Counter()

    def encode_conditions(self, conditions: Conditions, portrait: Any = None) -> Any:
        self.encodings["window"] += 1
        return self.model.encode_conditions(conditions, portrait)

    def encode_portrait(self, *arguments: Any) -> Any:
        self.encodings["portrait"] += 1
        return self.model.encode_portrait(*arguments)

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
        rounding = 1e-5 * float(one.abs().max())  # sums of a larger batch are taken in another order
        assert torch.allclose(one, alone, rtol=0, atol=rounding)
        assert torch.allclose(one, other, rtol=0, atol=rounding)


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
    model.encode_conditions = lambda conditions, *more: (seen.append(conditions), inner(conditions, *more))[1]  # type: ignore[method-assign]
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
    generator._denoise = lambda c, *more: seen.append(c) or original(c, *more)  # type: ignore[method-assign,func-returns-value]
    generator.generate([request])
    assert len(seen) == 3
    for conditions in seen:
        assert torch.equal(conditions.motion[0], request.portrait.expand(2, -1, -1, -1))  # type: ignore[index]


def test_a_memory_longer_than_a_window_reaches_back_over_several(loaded: LoadedModel) -> None:
    config = loaded.card.config
    with torch.random.fork_rng(devices=[]):
        model = build_model(replace(config.model, motion_frames=6), (32, 4, 4), (1, 80)).eval()
    seen: list[Conditions] = []
    inner = model.encode_conditions
    model.encode_conditions = lambda conditions, *more: (seen.append(conditions), inner(conditions, *more))[1]  # type: ignore[method-assign]
    request = _request("a", 12)
    out = Generator(model, config.diffusion, config.sampling).generate([request])[0]
    bank = torch.cat([request.portrait.expand(6, -1, -1, -1), out])
    for window, conditions in enumerate(seen):
        assert torch.equal(conditions.motion[0], bank[4 * window : 4 * window + 6])  # type: ignore[index]


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


def test_conditions_are_encoded_once_a_window_and_portraits_once_a_clip(loaded: LoadedModel) -> None:
    counted = _Counted(loaded.model)
    sampling = replace(loaded.card.config.sampling, steps=5, audio_scale=2.0, guidance_interval=(0.3, 0.9))
    requests = [_request("a", 11), _request("b", 9)]
    made = Generator(counted, loaded.card.config.diffusion, sampling).generate(requests)  # type: ignore[arg-type]
    assert counted.encodings == {"window": 3, "portrait": 1}
    # Steps at 1, 0.8, 0.6, 0.4 and 0.2: only the middle three are guided, by two predictions a window.
    assert counted.windows == [2, 4, 4, 4, 2] * 3

    class _Anew(_Counted):
        """Does all the work again at every step."""

        def encode_conditions(self, conditions: Conditions, portrait: Any = None) -> Any:
            return conditions

    again = Generator(_Anew(loaded.model), loaded.card.config.diffusion, sampling)  # type: ignore[arg-type]
    for first, second in zip(made, [again.generate([request])[0] for request in requests], strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


GUIDED = {"portrait_scale": 1.3, "audio_scale": 2.5, "guidance_interval": (0.2, 0.8), "guidance_rescale": 0.7}


@pytest.mark.parametrize("sampler", ["flow_euler", "flow_heun", "dpmpp_2m", "unipc"])
def test_guided_clips_side_by_side_are_those_made_one_by_one(loaded: LoadedModel, sampler: str) -> None:
    generator = _generator(loaded, sampler=sampler, steps=4, **GUIDED)
    requests = [_request("a", 5), _request("b", 9), _request("c", 4)]
    for together, request in zip(generator.generate(requests), requests, strict=True):
        torch.testing.assert_close(together, generator.generate([request])[0], rtol=1e-3, atol=1e-3)


def test_outside_the_interval_the_prediction_with_both_conditions_stands(loaded: LoadedModel) -> None:
    request = _request("a", 4)
    plain = _generator(loaded).generate([request])[0]
    nowhere = _generator(loaded, audio_scale=3.0, guidance_interval=(0.5, 0.5)).generate([request])[0]
    assert torch.equal(plain, nowhere)
    # A portrait-only result (audio_scale 0) needs the prediction with both outside the interval.
    first_step = _generator(loaded, audio_scale=0.0, guidance_interval=(0.9, 1.0)).generate([request])[0]
    assert not torch.allclose(plain, first_step)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio_scale": -1.0}, "sampling.audio_scale: expected 0 or more, got -1.0"),
        (
            {"guidance_interval": (0.5, 0.2)},
            r"sampling.guidance_interval: expected 0 <= low <= high <= 1, got \[0.5, 0.2\]",
        ),
        ({"guidance_rescale": 1.5}, "sampling.guidance_rescale: expected 0 to 1, got 1.5"),
        ({"batch_size": 0}, "sampling.batch_size: expected at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(loaded: LoadedModel, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _generator(loaded, **changes)


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


@pytest.mark.parametrize(
    ("family", "portrait"), [("softmax", "one_way_symbiotic"), ("linear", "one_way_symbiotic"), ("softmax", "siamese")]
)
def test_portraits_of_every_kind_are_encoded_once_a_clip(
    loaded: LoadedModel, family: Any, portrait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And taken out of their batch as clips end: the same as encoding each window's anew."""
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=2, dim=32, heads=2))
    config = loaded.card.config
    network = replace(config.model, family=family, fusion=FusionConfig(portrait, "one_way_symbiotic"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(network, (32, 4, 4), (1, 80)).eval()
        for value in model.parameters():
            torch.nn.init.normal_(value, std=0.1)
    sampling = replace(config.sampling, **GUIDED)
    requests = [_request("a", 5), _request("b", 9)]
    counted = _Counted(model)
    made = Generator(counted, config.diffusion, sampling).generate(requests)  # type: ignore[arg-type]
    assert counted.encodings == {"window": 3, "portrait": 2}  # with and without the portrait
    monkeypatch.setattr(Generator, "_portraits", lambda self, requests: None)
    for one, request in zip(made, requests, strict=True):
        again = Generator(model, config.diffusion, sampling).generate([request])[0]
        torch.testing.assert_close(one, again, rtol=1e-3, atol=1e-3)
