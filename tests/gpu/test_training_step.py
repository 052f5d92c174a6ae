"""One training step on the pretended GPU: the losses, gradients and weights of the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.config import RunConfig, parse_config
from lt_bench.training.module import LetsTalkModule
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
    module = LetsTalkModule(parse_config(RunConfig, document), LATENT, SPEECH, (1.0,) * LATENT[0])
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
    return {
        "latents": random(BATCH, FRAMES, *LATENT),
        "portrait": random(BATCH, *LATENT),
        "motion": random(BATCH, motion, *LATENT),
        "audio": random(BATCH, FRAMES, 5, *SPEECH),
        "mouth": torch.zeros(BATCH, FRAMES, *LATENT[1:]),
        "index": torch.arange(BATCH),
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
