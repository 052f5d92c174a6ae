"""Generation on the pretended GPU: the latents of the CPU, by every sampler."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lt_bench.config import RunConfig, parse_config
from lt_bench.models.build import build_model
from lt_bench.models.letstalk import LetsTalk
from lt_bench.sampling.generator import ClipRequest, Generator
from tests.support.pretended_gpu import PretendedGpu

LATENT, SPEECH, FRAMES = (4, 8, 8), (1, 6), 4
SAMPLERS = [
    ("ddpm", "linear", "epsilon", True),
    ("ddim", "linear", "velocity", False),
    ("dpmpp_2m", "linear", "epsilon", False),
    ("unipc", "linear", "sample", False),
    ("flow_euler", "flow", "velocity", False),
    ("flow_heun", "flow", "sample", False),
    ("dpmpp_2m", "flow", "velocity", False),
    ("unipc", "flow", "sample", False),
]


def make_config(sampler: str, schedule: str, prediction: str, learn_sigma: bool, **sampling: Any) -> RunConfig:
    fusion = {"portrait": "symbiotic", "audio": "direct"}
    model = {"preset": "tiny", "frames": FRAMES, "fusion": fusion, "learn_sigma": learn_sigma, "audio_hidden": 8}
    chosen = {"sampler": sampler, "steps": 3, "audio_scale": 2.0, "guidance_rescale": 0.5, **sampling}
    return parse_config(
        RunConfig,
        {
            "model": {**model, "audio_tokens": 2, "audio_token_dim": 8},
            "diffusion": {"schedule": schedule, "prediction": prediction},
            "sampling": chosen,
        },
    )


def make_model(config: RunConfig) -> LetsTalk:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(config.model, LATENT, SPEECH)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval().requires_grad_(False)


def make_requests() -> list[ClipRequest]:
    generator = torch.Generator().manual_seed(3)
    return [
        ClipRequest(name, torch.randn(LATENT, generator=generator), torch.randn(frames, *SPEECH, generator=generator))
        for name, frames in (("a", 6), ("b", 9))
    ]


@pytest.mark.parametrize(("sampler", "schedule", "prediction", "learn_sigma"), SAMPLERS)
def test_latents_equal_those_of_the_cpu(
    gpu: PretendedGpu, sampler: str, schedule: str, prediction: str, learn_sigma: bool
) -> None:
    config = make_config(sampler, schedule, prediction, learn_sigma)
    found = {}
    for device in ("cpu", "cuda"):
        generator = Generator(make_model(config), config.diffusion, config.sampling, device)
        found[device] = generator.generate(make_requests())
    for expected, got in zip(found["cpu"], found["cuda"], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
