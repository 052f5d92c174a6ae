"""The loss on decoded frames: what it counts, where its gradient goes, and that runs stay exact with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lt_bench.config import DiffusionConfig, RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.diffusion.objective import Objective
from lt_bench.errors import CacheError, ConfigError
from lt_bench.models.codecs.base import Codec
from lt_bench.scaling import LatentScaling
from lt_bench.training.pixel_loss import PixelLoss
from lt_bench.training.run import train

SCALING = LatentScaling((1.0, 0.0, 0.0), (2.0, 1.0, 1.0))


class Doubled(Codec):
    """Each latent pixel becomes 2 x 2 pixels of the same color."""

    name, channels, factor, hash = "doubled", 3, 2, "c0ffee" * 8
    scaling = LatentScaling((0.0,) * 3, (1.0,) * 3)

    def encode(self, frames: Tensor) -> Tensor:
        return frames[..., ::2, ::2]

    def decode(self, raw: Tensor) -> Tensor:
        return raw.repeat_interleave(2, -1).repeat_interleave(2, -2)


def _windows() -> tuple[Tensor, Tensor]:
    true = torch.randn(4, 3, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    mouth = torch.zeros(4, 3, 2, 2)
    mouth[..., 1, 1] = 1
    return true, mouth


def test_equal_frames_cost_nothing_and_noisy_windows_do_not_count() -> None:
    true, mouth = _windows()
    loss = PixelLoss(Doubled(), SCALING, 1.0)
    times, numbers = torch.tensor([0.0, 500.0, 799.0, 800.0]), torch.arange(4)
    assert loss(true, true, times, mouth, numbers).tolist() == [0, 0, 0, 0]
    # The first channel is scaled by 2, so an error of 1 in every latent is (2 + 1 + 1) / 3 in pixels.
    assert loss(true + 1, true, times, mouth, numbers).tolist() == pytest.approx([4 / 3, 4 / 3, 4 / 3, 0])


def test_the_mouth_counts_as_often_as_configured() -> None:
    true, mouth = _windows()
    wrong = true.clone()
    wrong[..., 1, 1] += 1
    found = PixelLoss(Doubled(), SCALING, 5.0)(wrong, true, torch.zeros(4), mouth, torch.arange(4))
    assert found.tolist() == pytest.approx([4 / 3 * 5 / 8] * 4)


def test_one_frame_of_a_window_is_decoded_and_its_number_says_which() -> None:
    true, mouth = _windows()
    predicted = (true + 1).requires_grad_()
    loss = PixelLoss(Doubled(), SCALING, 1.0)
    loss(predicted, true, torch.zeros(4), mouth, torch.tensor([7, 8, 9, 10])).sum().backward()
    assert predicted.grad is not None
    touched = [row.flatten(1).abs().sum(1).nonzero().flatten().tolist() for row in predicted.grad]
    assert touched == [[1], [2], [0], [1]]


@pytest.mark.parametrize(
    ("schedule", "prediction"),
    [("linear", "epsilon"), ("linear", "sample"), ("linear", "velocity"), ("flow", "sample"), ("flow", "velocity")],
)
def test_a_perfect_prediction_implies_the_clean_latents(schedule: Any, prediction: Any) -> None:
    objective = Objective(DiffusionConfig(schedule=schedule, prediction=prediction), learn_sigma=False)
    x0, noise, t = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 3, 4, 2, 2), torch.tensor([10.0, 700.0])
    noisy = objective.add_noise(x0, noise, t)
    torch.testing.assert_close(objective.clean(objective.target(x0, noise, t), noisy, t), x0, atol=1e-4, rtol=1e-4)


class _Stop(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 3:
            raise RuntimeError("stopped on purpose")


def test_a_run_with_it_resumes_exactly(
    monkeypatch: pytest.MonkeyPatch, toy_cache: LatentCache, make_run: Callable[..., RunConfig], tmp_path: Path
) -> None:
    codec = Doubled()
    codec.hash = toy_cache.info.codec.hash
    for module in ("pixel_loss", "run"):
        monkeypatch.setattr(f"lt_bench.training.{module}.build_codec", lambda name: codec)
    config = make_run(diffusion={"pixel_weight": 2.0})
    weights = {}
    for name in ("whole", "stopped"):
        if name == "stopped":
            with pytest.raises(RuntimeError, match="on purpose"):
                train(config, tmp_path / name, toy_cache, [_Stop()], progress=False)
        train(config, tmp_path / name, toy_cache, progress=False)
        weights[name] = load_file(tmp_path / name / "model.safetensors")
    train(make_run(), tmp_path / "without", toy_cache, progress=False)
    weights["without"] = load_file(tmp_path / "without" / "model.safetensors")
    assert all(torch.equal(weights["whole"][key], weights["stopped"][key]) for key in weights["whole"])
    assert any(not torch.equal(weights["whole"][key], weights["without"][key]) for key in weights["whole"])


def test_the_codec_must_be_the_caches(
    toy_cache: LatentCache, make_run: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = make_run(diffusion={"pixel_weight": 1.0})
    with pytest.raises(CacheError, match="expected latents of codec"):
        train(config, tmp_path / "run", toy_cache, progress=False)


@pytest.mark.parametrize("change", [{"pixel_weight": -1.0}, {"pixel_weight": float("nan")}, {"pixel_every": 0}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"diffusion.{next(iter(change))}: expected"):
        Objective(DiffusionConfig(**change), learn_sigma=False)
