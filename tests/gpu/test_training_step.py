"""One training step on the pretended GPU: the losses, gradients and weights of the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.config import RunConfig, parse_config
from lt_bench.errors import TrainingError
from lt_bench.scaling import LatentScaling
from lt_bench.training.callbacks.averaging import ModelAverage
from lt_bench.training.module import LetsTalkModule
from lt_bench.training.randomness import draw, window_generator
from tests.support.pretended_autocast import Bf16Autocast
from tests.support.pretended_gpu import PretendedGpu, move_to_gpu, to_host

LATENT, SPEECH, FRAMES, BATCH = (4, 8, 8), (2, 6), 3, 4
LINEAR: dict[str, Any] = {"schedule": "linear", "prediction": "epsilon"}
FLOW: dict[str, Any] = {"schedule": "flow", "prediction": "velocity"}
CASES = [
    ("symbiotic", "direct", "softmax", LINEAR, True),
    ("direct", "siamese", "softmax", FLOW, False),
    ("one_way_symbiotic", "symbiotic", "softmax", {**LINEAR, "min_snr_gamma": 5.0}, False),
    ("siamese", "one_way_symbiotic", "softmax", FLOW, False),
    ("symbiotic", "direct", "linear", LINEAR, True),
    ("direct", "one_way_symbiotic", "linear", FLOW, False),
    ("siamese", "siamese", "linear", LINEAR, True),
]


def make_module(portrait: str, audio: str, family: str, diffusion: dict[str, Any], learn_sigma: bool) -> LetsTalkModule:
    model = {"preset": "tiny", "frames": FRAMES, "family": family, "fusion": {"portrait": portrait, "audio": audio}}
    sizes = {"audio_hidden": 8, "audio_tokens": 2, "audio_token_dim": 8, "learn_sigma": learn_sigma}
    train = {"learning_rate": 1e-3, "motion_noise": 0.1, "motion_mask": 0.25, "portrait_dropout": 0.3}
    document = {"model": {**model, **sizes}, "diffusion": diffusion, "train": train}
    scaling = LatentScaling((0.0,) * LATENT[0], (1.0,) * LATENT[0])
    module = LetsTalkModule(parse_config(RunConfig, document), LATENT, SPEECH, scaling)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return module


def make_batch(module: LetsTalkModule) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    motion = module.config.model.motion_frames
    latents, before = random(BATCH, FRAMES, *LATENT), random(BATCH, motion, *LATENT)
    generators = [window_generator(0, index) for index in range(BATCH)]
    draws = draw(latents, before, module.objective, module.config.train, generators)
    draws.timesteps[0] = 0.0  # whose bound is another one
    return {
        "latents": latents,
        "portrait": random(BATCH, *LATENT),
        "motion": before,
        "audio": random(BATCH, FRAMES + 4, *SPEECH),
        "mouth": torch.zeros(BATCH, FRAMES, *LATENT[1:]),
        "draws": vars(draws),
    }


def to_device(batch: Any) -> Any:
    if isinstance(batch, dict):
        return {key: to_device(value) for key, value in batch.items()}
    return batch.to("cuda", non_blocking=True)


def take_step(module: LetsTalkModule, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
    loss = module.training_step(batch, 0)
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("portrait", "audio", "family", "diffusion", "learn_sigma"), CASES)
def test_losses_and_gradients_equal_those_of_the_cpu(
    gpu: PretendedGpu, portrait: str, audio: str, family: str, diffusion: dict[str, Any], learn_sigma: bool
) -> None:
    case = (portrait, audio, family, diffusion, learn_sigma)
    module = make_module(*case)
    batch = make_batch(module)
    expected, gradients = take_step(module, batch)
    module = move_to_gpu(make_module(*case))
    loss, found = take_step(module, to_device(batch))
    torch.testing.assert_close(to_host(loss), expected, rtol=1e-5, atol=1e-6)
    assert found.keys() == gradients.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(to_host(gradient), gradients[name], rtol=1e-3, atol=1e-6, msg=name)


def test_bfloat16_stays_near_float32(gpu: PretendedGpu) -> None:
    module = make_module(*CASES[0])
    batch = make_batch(module)
    expected = float(take_step(module, batch)[0])
    module = move_to_gpu(make_module(*CASES[0]))
    with Bf16Autocast():
        loss = module.training_step(to_device(batch), 0)
    loss.backward()
    assert float(to_host(loss.detach())) == pytest.approx(expected, rel=1e-2)


class _Trainer:
    """What callbacks of a step ask a trainer for."""

    global_step, is_global_zero, world_size = 0, True, 1


def whole_step(module: LetsTalkModule, optimizer: torch.optim.Optimizer, average: ModelAverage, batch: Any) -> None:
    """Forward and backward pass, clipping, update and weight average, as Lightning calls them."""
    module.training_step(batch, 0).backward()
    module.on_before_optimizer_step(optimizer)
    module.configure_gradient_clipping(optimizer)
    optimizer.step()
    optimizer.zero_grad()
    average.on_step_end(_Trainer, module)  # type: ignore[arg-type]


@pytest.mark.parametrize(("portrait", "audio", "family", "diffusion", "learn_sigma"), CASES)
def test_a_step_never_waits_for_the_gpu(
    gpu: PretendedGpu, portrait: str, audio: str, family: str, diffusion: dict[str, Any], learn_sigma: bool
) -> None:
    case = (portrait, audio, family, diffusion, learn_sigma)
    weights = {}
    for device in ("cpu", "cuda"):
        module = make_module(*case)
        batch = make_batch(module)
        if device == "cuda":
            module, batch = move_to_gpu(module), to_device(batch)
        optimizer, average = module.configure_optimizers()["optimizer"], ModelAverage(0.9)
        average.on_train_start(_Trainer, module)  # type: ignore[arg-type]
        whole_step(module, optimizer, average, batch)  # makes the noise schedule's tables
        gpu.reset()
        whole_step(module, optimizer, average, batch)
        state = {name: to_host(p.detach()) for name, p in module.named_parameters()}
        weights[device] = state | {f"average of {name}": to_host(v) for name, v in average._average.items()}
    assert gpu.syncs == []
    for name, value in weights["cuda"].items():
        torch.testing.assert_close(value, weights["cpu"][name], rtol=1e-3, atol=1e-5, msg=name)


def test_a_gradient_that_is_not_finite_leaves_the_weights_and_is_reported_when_asked(gpu: PretendedGpu) -> None:
    module = move_to_gpu(make_module(*CASES[1]))
    batch = to_device(make_batch(module))
    optimizer, average = module.configure_optimizers()["optimizer"], ModelAverage(0.9)
    average.on_train_start(_Trainer, module)  # type: ignore[arg-type]
    whole_step(module, optimizer, average, batch)
    before = {name: to_host(p.detach()).clone() for name, p in module.named_parameters()}
    module.gradients.check()
    bad = batch | {"latents": batch["latents"] * float("inf")}
    whole_step(module, optimizer, average, bad)
    for name, parameter in module.named_parameters():
        assert torch.equal(to_host(parameter.detach()), before[name]), name
    assert {float(to_host(state["step"])) for state in optimizer.state.values()} == {1.0}
    whole_step(module, optimizer, average, batch)  # later steps go on, and do not hide the bad one
    with pytest.raises(TrainingError, match=r"training step 0: expected a finite gradient, got norm nan"):
        module.gradients.check()
