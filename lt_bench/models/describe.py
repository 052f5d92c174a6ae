"""What a model is made of: parameters, and multiply-accumulate operations of its matrix products.

Everything is counted on PyTorch's meta device, so no weights are made and the largest preset needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions, FusedCondition
from lt_bench.models.fusion import Fusion, fusion_names
from lt_bench.models.letstalk import LetsTalk


@dataclass(frozen=True)
class Part:
    """A part of the network; elementwise operations are not counted."""

    name: str
    parameters: int
    macs_window: int
    """Multiply-accumulates once a window: independent of the timestep."""
    macs_step: int
    """Multiply-accumulates at each denoising step of a window."""


@dataclass(frozen=True)
class Description:
    """A model's size for one window and one sample (batch 1)."""

    config: ModelConfig
    latent_shape: tuple[int, int, int]
    speech_shape: tuple[int, int]
    parts: tuple[Part, ...]

    @property
    def parameters_audio_projector(self) -> int:
        """Parameters of the audio projector."""
        return sum(part.parameters for part in self.parts if part.name == "audio projector")

    @property
    def parameters_total(self) -> int:
        """All parameters."""
        return sum(part.parameters for part in self.parts)

    @property
    def parameters(self) -> int:
        """Parameters of the diffusion transformer, as papers count them: without the audio projector."""
        return self.parameters_total - self.parameters_audio_projector

    @property
    def macs_window(self) -> int:
        """Multiply-accumulates once a window."""
        return sum(part.macs_window for part in self.parts)

    @property
    def macs_step(self) -> int:
        """Multiply-accumulates at each denoising step of a window."""
        return sum(part.macs_step for part in self.parts)


def describe(config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]) -> Description:
    """Count a model's parts without making its weights.

    Raises:
        ConfigError: as ``build_model``.
    """
    with torch.device("meta"):
        model = build_model(config, latent_shape, speech_shape)
    with torch.no_grad():
        parts = _parts(model, config)
    return Description(config, latent_shape, speech_shape, parts)


def describe_cells(
    config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]
) -> tuple[Description, ...]:
    """Every registered portrait fusion with every registered audio fusion, all else as in ``config``."""
    cells = (FusionConfig(portrait, audio) for portrait in fusion_names() for audio in fusion_names())
    return tuple(describe(replace(config, fusion=cell), latent_shape, speech_shape) for cell in cells)


def _parts(model: LetsTalk, config: ModelConfig) -> tuple[Part, ...]:
    conditions = _conditions(model, config)
    latents = torch.empty(1, config.frames, *model.latent_shape, device="meta")
    time = torch.empty(1, device="meta")
    encoded, window = _count(lambda: model.encode_conditions(conditions))
    _, step = _count(lambda: model(latents, time, encoded))
    tokens, projector = _count(lambda: model.audio_projector(conditions.audio, conditions.keep_audio))
    video, embedding = _count(lambda: model.patches(latents))
    portrait, embedding_portrait = _count(lambda: model.patches(conditions.portrait[:, None]))
    _, portrait_once = _count(lambda: model.portrait_fusion.encode(portrait))
    _, audio_once = _count(lambda: model.audio_fusion.encode(tokens))
    portrait_step = _count_guide(model.portrait_fusion, video, encoded.portrait)
    audio_step = _count_guide(model.audio_fusion, video, encoded.audio)
    embedded_time, timestep = _count(lambda: model.time(time))
    _, final = _count(lambda: model.final(video, embedded_time))
    motion_once = window - projector - portrait_once - audio_once - embedding_portrait
    blocks = step - embedding - timestep - final - portrait_step - audio_step
    patch_parameters = _size(model.patches) + model.null_portrait.numel()
    return (
        Part("patch embedder", patch_parameters, embedding_portrait + motion_once, embedding),
        Part("timestep embedder", _size(model.time), 0, timestep),
        Part("blocks", _size(model.blocks), 0, blocks),
        Part("final layer", _size(model.final), 0, final),
        Part(f"portrait fusion: {config.fusion.portrait}", _size(model.portrait_fusion), portrait_once, portrait_step),
        Part(f"audio fusion: {config.fusion.audio}", _size(model.audio_fusion), audio_once, audio_step),
        Part("audio projector", _size(model.audio_projector), projector, 0),
    )


def _conditions(model: LetsTalk, config: ModelConfig) -> Conditions:
    window = 2 * config.audio_window + 1
    keep = torch.empty(1, dtype=torch.bool, device="meta")
    motion = torch.empty(1, config.motion_frames, *model.latent_shape, device="meta")
    return Conditions(
        portrait=torch.empty(1, *model.latent_shape, device="meta"),
        audio=torch.empty(1, config.frames, window, *model.speech_shape, device="meta"),
        motion=motion if config.motion_frames else None,
        keep_portrait=keep,
        keep_audio=keep,
    )


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _count(run: Callable[[], Any]) -> tuple[Any, int]:
    with FlopCounterMode(display=False) as counter:
        result = run()
    return result, counter.get_total_flops() // 2  # the counter has two operations for each multiply-accumulate


def _count_guide(fusion: Fusion, video: torch.Tensor, fused: FusedCondition) -> int:
    return sum(_count(lambda layer=layer: fusion.guide(layer, video, fused))[1] for layer in range(fusion.shape.depth))
