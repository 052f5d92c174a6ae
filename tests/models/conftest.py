"""Small random networks and conditions, of the shapes that the asking module names LATENT and SPEECH."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.models.letstalk import LetsTalk


@pytest.fixture
def make_model(request: pytest.FixtureRequest) -> Callable[..., LetsTalk]:
    """Makes a cell in which nothing is zero; keywords are further keys of its configuration."""
    latent, speech = request.module.LATENT, request.module.SPEECH

    def make(portrait: str, audio: str, **keys: Any) -> LetsTalk:
        torch.manual_seed(0)
        config = ModelConfig("tiny", FusionConfig(portrait, audio), frames=3, audio_tokens=3, audio_token_dim=12)
        model = build_model(replace(config, audio_hidden=16, learn_sigma=False, **keys), latent, speech)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        return model

    return make


@pytest.fixture
def make_conditions(request: pytest.FixtureRequest) -> Callable[..., Conditions]:
    """Makes conditions of two windows by seed; the first lacks its audio, the second its portrait."""
    latent, speech = request.module.LATENT, request.module.SPEECH

    def make(seed: int = 1) -> Conditions:
        generator = torch.Generator().manual_seed(seed)
        return Conditions(
            portrait=torch.randn(2, *latent, generator=generator),
            audio=torch.randn(2, 3, 5, *speech, generator=generator),
            motion=torch.randn(2, 2, *latent, generator=generator),
            keep_portrait=torch.tensor([True, False]),
            keep_audio=torch.tensor([False, True]),
        )

    return make
