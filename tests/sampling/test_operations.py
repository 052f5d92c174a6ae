"""Operations that are counted without running the network are those that running it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lt_bench.config import FusionConfig
from lt_bench.models.build import build_model
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.operations import Operations, count_operations, network_evaluations

CASES: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("direct", 0, {"audio_scale": 1.0}),
    ("siamese", 2, {"audio_scale": 2.0, "portrait_scale": 1.5}),
    ("symbiotic", 2, {"audio_scale": 2.0, "guidance_interval": (0.2, 0.7), "sampler": "flow_heun"}),
    ("symbiotic", 0, {"audio_scale": 1.0, "portrait_scale": 1.0, "guidance_rescale": 0.5}),
)


@pytest.mark.parametrize(("portrait", "motion_frames", "changes"), CASES)
def test_they_equal_those_of_a_generated_video(
    loaded: LoadedModel, portrait: str, motion_frames: int, changes: dict[str, Any]
) -> None:
    card = loaded.card
    model = replace(card.config.model, fusion=FusionConfig(portrait, "direct"), motion_frames=motion_frames)
    sampling = replace(card.config.sampling, **changes)
    network = build_model(model, card.latent_shape, card.speech_shape).eval()
    generator = Generator(network, card.config.diffusion, sampling)
    request = ClipRequest("a", torch.randn(32, 4, 4), torch.randn(6, 1, 80))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        generator.generate([request])
    counted = count_operations(model, card.config.diffusion, sampling, card.latent_shape, card.speech_shape)
    assert counted.of_video(6) == counter.get_total_flops() // 2


def test_a_step_counts_once_outside_the_interval_of_guidance(loaded: LoadedModel) -> None:
    card = loaded.card
    sampling = replace(card.config.sampling, audio_scale=2.0, portrait_scale=2.0, steps=10)
    counted = [
        network_evaluations(card.config.diffusion, replace(sampling, guidance_interval=interval), False)
        for interval in ((0.0, 1.0), (0.5, 1.0), (1.0, 1.0))
    ]
    assert counted == [20, 15, 10]  # no conditions and both; a scale of 2 on either drops the one with the portrait


def test_the_last_window_counts_whole() -> None:
    counted = Operations(video=100, window=1000, frames=16)
    assert [counted.of_video(n) for n in (1, 16, 17)] == [1100, 1100, 2100]
