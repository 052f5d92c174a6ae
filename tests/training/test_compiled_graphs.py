"""Graphs that ``train.compile`` makes of the blocks, counted without generating code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lt_bench.config import DiffusionConfig, FusionConfig, ModelConfig, SamplingConfig, TrainConfig
from lt_bench.models import presets
from lt_bench.models.build import build_model
from lt_bench.models.compiling import compiled_limits
from lt_bench.models.conditions import Conditions, FusedCondition
from lt_bench.models.fusion import FUSIONS, Fusion
from lt_bench.models.letstalk import LetsTalk
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.training.blocks import prepare_blocks

# What training silences too (lt_bench/training/environment.py).
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
DEPTH, FRAMES, LATENT, SPEECH = 5, 3, (3, 4, 4), (1, 4)


@pytest.fixture(autouse=True)
def _five_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=DEPTH, dim=32, heads=2))


def make_model(portrait: str, audio: str, **model: Any) -> LetsTalk:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"audio_hidden": 8, "audio_tokens": 2, "audio_token_dim": 8, "motion_frames": 1}
    config = ModelConfig("tiny", FusionConfig(portrait, audio), frames=FRAMES, **sizes, **model)
    made = build_model(config, LATENT, SPEECH)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return made


def run(model: LetsTalk) -> Tensor:
    torch.manual_seed(1)
    keep = torch.ones(2, dtype=torch.bool)
    audio, motion = torch.randn(2, FRAMES, 5, *SPEECH), torch.randn(2, 1, *LATENT)
    conditions = Conditions(torch.randn(2, *LATENT), audio, motion, keep, keep)
    return model(torch.randn(2, FRAMES, *LATENT), torch.rand(2) * 1000, conditions)


def gradients(model: LetsTalk) -> list[Tensor]:
    model.zero_grad()
    run(model).square().mean().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


CASES = [
    ("symbiotic", "direct", {}),
    ("siamese", "direct", {}),
    ("one_way_symbiotic", "siamese", {}),
    ("direct", "direct", {"family": "linear"}),
]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("portrait", "audio", "model"), CASES)
def test_blocks_share_compiled_variants_and_keep_their_numbers(
    graphs: list[Any], portrait: str, audio: str, model: dict[str, Any], checkpointing: bool
) -> None:
    network = make_model(portrait, audio, **model)
    expected, expected_gradients = run(network).detach(), gradients(network)
    prepare_blocks(network.blocks, TrainConfig(compile=True, activation_checkpointing=checkpointing))
    with compiled_limits(DEPTH):
        found = gradients(network)
        first = len(graphs)
        assert torch.equal(run(network).detach(), expected)
        gradients(network)
    assert 1 <= first <= 3  # the first block, those between, the last: not one for each
    assert len(graphs) == first
    for one, two in zip(found, expected_gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)


def test_validation_adds_no_more_variants_than_training(graphs: list[Any]) -> None:
    network = make_model("symbiotic", "direct")
    prepare_blocks(network.blocks, TrainConfig(compile=True, activation_checkpointing=True))
    with compiled_limits(DEPTH):
        gradients(network)
        training = len(graphs)
        with torch.no_grad():
            run(network)
        both = len(graphs)
        gradients(network)
        with torch.no_grad():
            run(network)
    assert both <= 2 * training
    assert len(graphs) == both


def test_generation_compiles_once_whatever_the_number_of_clips(graphs: list[Any]) -> None:
    network, plain = (
        make_model("symbiotic", "direct", learn_sigma=False).eval().requires_grad_(False) for _ in range(2)
    )
    sampling = SamplingConfig("flow_euler", steps=2, compile=True)
    diffusion = DiffusionConfig("flow", "sample")
    requests = [ClipRequest(str(n), torch.randn(LATENT), torch.randn(FRAMES * n, *SPEECH)) for n in (1, 2, 3, 4)]
    generator = Generator(network, diffusion, sampling)
    made = generator.generate(requests)  # four clips, then three, two and one
    first = len(graphs)
    generator.generate(requests)
    # Three kinds of block (first, middle, last): for the first number of clips, for any other number, and for one clip.
    assert 1 <= first <= 9
    assert len(graphs) == first
    expected = Generator(plain, diffusion, replace(sampling, compile=False)).generate(requests)
    for one, two in zip(made, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_buckets_of_ddp_do_not_split_a_block(graphs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "_DEFAULT_FIRST_BUCKET_BYTES", 1000)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        network = make_model("direct", "direct")
        prepare_blocks(network.blocks, TrainConfig(compile=True))
        wrapped = DistributedDataParallel(network, bucket_cap_mb=1)  # type: ignore[arg-type]
        wrapped.bucket_bytes_cap = 1000
        with compiled_limits(DEPTH):
            run(wrapped).sum().backward()  # type: ignore[arg-type]
    finally:
        dist.destroy_process_group()
    assert 1 <= len(graphs) <= 3


def test_a_scheme_that_is_given_the_blocks_number_is_compiled_too(
    graphs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FUSIONS, "_added", {})

    @FUSIONS.register
    class AddedFusion(Fusion):
        name = "added"

        def __init__(self, shape: Any) -> None:
            super().__init__(shape)
            self.scale = nn.Parameter(torch.ones(shape.depth))

        def encode(self, tokens: Tensor) -> FusedCondition:
            return FusedCondition(layers=(tokens.mean((1, 2), keepdim=True),))

        def guide(self, layer: int, video: Tensor, fused: FusedCondition) -> Tensor:
            return video + self.scale[layer] * fused.layers[0].mean()

    network = make_model("direct", "added")
    expected = run(network).detach()
    prepare_blocks(network.blocks, TrainConfig(compile=True))
    with compiled_limits(DEPTH):
        torch.testing.assert_close(run(network).detach(), expected)
    assert 1 <= len(graphs) <= DEPTH
