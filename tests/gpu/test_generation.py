"""Generation on the pretended GPU: the latents of the CPU, by every sampler."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lt_bench.config import RunConfig, parse_config
from lt_bench.errors import ConfigError
from lt_bench.models.build import build_model
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.letstalk import LetsTalk
from lt_bench.sampling.frames import latents_to_frames, picture_to_latent
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.precision import check_sampling_precision, network_precision
from tests.models.test_codecs_pretrained import save_kl
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


def _syncs(gpu: PretendedGpu, config: RunConfig) -> int:
    generator = Generator(make_model(config), config.diffusion, config.sampling, "cuda")
    generator.generate(make_requests())  # makes what is kept
    gpu.reset()
    generator.generate(make_requests())
    return len(gpu.syncs)


@pytest.mark.parametrize(("sampler", "schedule", "prediction", "learn_sigma"), [SAMPLERS[i] for i in (1, 2, 4, 5)])
def test_denoising_steps_never_wait_for_the_gpu(
    gpu: PretendedGpu, sampler: str, schedule: str, prediction: str, learn_sigma: bool
) -> None:
    few, more = (_syncs(gpu, make_config(sampler, schedule, prediction, learn_sigma, steps=steps)) for steps in (2, 5))
    assert few == more


def test_the_network_computes_in_the_precision_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[torch.dtype, torch.dtype]] = []
    results = {}
    for precision in ("fp32", "bf16"):
        config = make_config(*SAMPLERS[4], precision=precision)
        generator = Generator(make_model(config), config.diffusion, config.sampling)
        layer = generator.model.blocks[0].mlp[0]  # type: ignore[index]
        layer.register_forward_hook(lambda module, inputs, output: seen.append((output.dtype, module.weight.dtype)))
        results[precision] = torch.cat(generator.generate(make_requests()))
    assert set(seen) == {(torch.float32, torch.float32), (torch.bfloat16, torch.float32)}
    assert results["bf16"].dtype == torch.float32
    assert not torch.equal(results["bf16"], results["fp32"])
    torch.testing.assert_close(results["bf16"], results["fp32"], rtol=0.1, atol=0.1)


def test_a_precision_that_a_device_lacks_is_refused(gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.precision: expected fp32 or bf16 on cpu"):
        check_sampling_precision("tf32", torch.device("cpu"))
    check_sampling_precision("tf32", torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    with pytest.raises(ConfigError, match=r"expected fp32 or tf32 on this GPU"):
        check_sampling_precision("bf16", torch.device("cuda"))


@pytest.mark.parametrize(("precision", "inside"), [("fp32", ("highest", False)), ("tf32", ("high", True))])
def test_tf32_is_on_only_where_it_is_asked_for(precision: Any, inside: tuple[str, bool]) -> None:
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    with network_precision(precision, torch.device("cuda")):
        assert (torch.get_float32_matmul_precision(), cudnn.allow_tf32) == inside
    assert (torch.get_float32_matmul_precision(), cudnn.allow_tf32) == before


def test_the_codecs_weights_stay_on_the_gpu(gpu: PretendedGpu, tmp_path: Path) -> None:
    save_kl(tmp_path)
    codec = build_codec(f"kl:{tmp_path}")
    picture = np.zeros((16, 16, 3), np.uint8)
    latent = picture_to_latent(picture, codec, codec.scaling, "cuda")
    list(latents_to_frames([latent[None]], codec, codec.scaling, "cuda"))
    gpu.reset()
    latent = picture_to_latent(picture, codec, codec.scaling, "cuda")
    list(latents_to_frames([latent[None]], codec, codec.scaling, "cuda"))
    assert Counter(event.kind for event in gpu.syncs) == {"copy to device": 2, "copy to host": 2}
