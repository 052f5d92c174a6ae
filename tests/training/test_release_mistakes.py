"""What LetsTalk's release does in training and ours does only when asked: two mistakes, and the noise of its memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lt_bench.config import DiffusionConfig, RunConfig, TrainConfig
from lt_bench.data.cache import LatentCache
from lt_bench.diffusion.objective import Objective
from lt_bench.diffusion.schedule import linear_marginal
from lt_bench.errors import ConfigError
from lt_bench.models.checkpoint import load_model
from lt_bench.training.randomness import Draws, draw, window_generator
from lt_bench.training.run import build_module, train

MakeRun = Callable[..., RunConfig]
LINEAR = Objective(DiffusionConfig("linear", "epsilon"), learn_sigma=True)


def _weights(config: RunConfig, cache: LatentCache, folder: Path) -> dict[str, torch.Tensor]:
    return load_model(train(config, folder, cache, progress=False).model_file, weights="raw").model.state_dict()


def test_a_frozen_audio_projector_stays_and_all_else_trains(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    config = make_run(steps=6, portrait_dropout=0.5, freeze_audio_projector=True)
    before = build_module(config, toy_cache).model.state_dict()
    after = _weights(config, toy_cache, tmp_path)
    still = {name for name in after if torch.equal(after[name], before[name])}
    assert still == {name for name in after if name.startswith("audio_projector.")}


def test_clipping_before_the_backward_pass_is_no_clipping(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    clip = {"steps": 3, "gradient_clip": 0.01}
    early = _weights(make_run(**clip, clip_before_backward=True), toy_cache, tmp_path / "early")
    none = _weights(make_run(steps=3, gradient_clip=0), toy_cache, tmp_path / "none")
    clipped = _weights(make_run(**clip), toy_cache, tmp_path / "clipped")
    assert all(torch.equal(early[name], none[name]) for name in none)
    assert not all(torch.equal(clipped[name], none[name]) for name in none)


def _draw(config: TrainConfig, windows: int = 400) -> Draws:
    latents = torch.zeros(windows, 1, 2, 8, 8)
    return draw(latents, latents, LINEAR, config, [window_generator(0, index) for index in range(windows)])


def test_memory_is_noised_as_at_timesteps_below_the_limit() -> None:
    levels = _draw(TrainConfig(motion_timesteps=50)).motion_level
    possible = linear_marginal(torch.arange(50)).sigma.float()
    assert set(levels.tolist()) <= set(possible.tolist())
    assert levels.min() < possible[5]
    assert levels.max() > possible[45]
    assert not _draw(TrainConfig(), 5).motion_level.any()


def test_a_share_of_the_memorys_places_is_masked() -> None:
    places = _draw(TrainConfig(motion_mask=0.25)).keep_places
    assert places.shape == (400, 8, 8)
    assert float((~places).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert not torch.equal(places[0], places[1])
    assert _draw(TrainConfig(), 5).keep_places.all()


def test_masked_places_are_zero_in_the_memory_that_the_network_sees(
    toy_cache: LatentCache, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build_module(make_run(motion_dropout=0.0, motion_mask=0.5, motion_timesteps=50), toy_cache)
    seen = []
    monkeypatch.setattr(module.model, "forward", lambda x, t, conditions: seen.append(conditions) or x)
    latents = torch.randn(2, 3, 3, 4, 4)
    batch = {"latents": latents, "portrait": latents[:, 0], "motion": latents[:, :1] + 5.0}
    batch |= {"audio": torch.zeros(2, 5, 1, 4), "mouth": torch.zeros(2, 3, 4, 4)}
    generators = [window_generator(0, index) for index in range(2)]
    draws = draw(latents, batch["motion"], module.objective, module.config.train, generators)
    module._loss(batch | {"draws": vars(draws)})
    motion = seen[0].motion
    masked = (motion == 0).all(2)
    assert torch.equal(masked, (motion == 0).any(2))
    assert 0.2 < float(masked.float().mean()) < 0.8
    assert motion[~masked[:, :, None].expand_as(motion)].mean() > 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"motion_mask": 1.5}, "train.motion_mask: expected 0 to 1, got 1.5"),
        ({"motion_timesteps": 1001}, "train.motion_timesteps: expected 0 to 1000, got 1001"),
        ({"motion_timesteps": 50, "motion_noise": 0.1}, "train.motion_noise: expected 0 beside train.motion_timesteps"),
    ],
)
def test_settings_that_cannot_be_are_named(
    change: dict[str, float], message: str, toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(make_run(**change), tmp_path, toy_cache, progress=False)


def test_clipping_before_the_backward_pass_leaves_the_sum_of_micro_batches_alone(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    clip = {"steps": 3, "accumulate": 2, "clip_before_backward": True}
    early = _weights(make_run(**clip, gradient_clip=0.001), toy_cache, tmp_path / "early")
    none = _weights(make_run(**clip, gradient_clip=0), toy_cache, tmp_path / "none")
    assert all(torch.equal(early[name], none[name]) for name in none)
