"""What a model is made of: parameters, multiply-accumulate operations of its matrix products, activation memory.

Everything is counted on tensors without data, so no weights are made and the largest preset needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.counting import Cost, PartCosts
from lt_bench.models.fusion import FUSIONS
from lt_bench.models.letstalk import LetsTalk


@dataclass(frozen=True)
class Part:
    """A part of the network; elementwise operations are not counted.

    A fusion's part is what the model has and does more with it than without, in the blocks too.
    """

    name: str
    parameters: int
    macs_window: int
    """Multiply-accumulates once a window: independent of the timestep."""
    macs_step: int
    """Multiply-accumulates at each denoising step of a window."""
    activations: int
    """Bytes kept for the backward pass of one window, in float32."""


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
        return self._sum("parameters", self._of("audio projector"))

    @property
    def parameters_total(self) -> int:
        """All parameters."""
        return self._sum("parameters", self.parts)

    @property
    def parameters(self) -> int:
        """Parameters of the diffusion transformer, as papers count them: without the audio projector."""
        return self.parameters_total - self.parameters_audio_projector

    @property
    def macs_window(self) -> int:
        """Multiply-accumulates once a window."""
        return self._sum("macs_window", self.parts)

    @property
    def macs_step(self) -> int:
        """Multiply-accumulates at each denoising step of a window."""
        return self._sum("macs_step", self.parts)

    @property
    def activations(self) -> int:
        """Bytes kept for the backward pass of one window, in float32."""
        return self._sum("activations", self.parts)

    @property
    def overhead_parameters(self) -> float:
        """Parameters of both fusions, relative to the transformer without them."""
        added = self._sum("parameters", self._fusions)
        return added / (self.parameters - added)

    @property
    def overhead_macs(self) -> float:
        """Multiply-accumulates that both fusions add to a denoising step, relative to a step without them."""
        added = self._sum("macs_step", self._fusions)
        return added / (self.macs_step - added)

    @property
    def _fusions(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if " fusion: " in part.name)

    def _of(self, name: str) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.name == name)

    @staticmethod
    def _sum(field: str, parts: tuple[Part, ...]) -> int:
        return sum(getattr(part, field) for part in parts)


def describe(config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]) -> Description:
    """Count a model's parts without making its weights.

    Raises:
        ConfigError: as ``build_model``.
    """
    return _describe(config, latent_shape, speech_shape, {})


def describe_cells(
    config: ModelConfig,
    latent_shape: tuple[int, int, int],
    speech_shape: tuple[int, int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Description, ...]:
    """Every registered portrait fusion with every registered audio fusion, all else as in ``config``."""
    cells = [FusionConfig(portrait, audio) for portrait in FUSIONS.names() for audio in FUSIONS.names()]
    known: dict[tuple[str, ...], Cost] = {}
    found = []
    for cell in cells:
        progress(len(found), len(cells))
        found.append(_describe(replace(config, fusion=cell), latent_shape, speech_shape, known))
    return tuple(found)


def _describe(
    config: ModelConfig,
    latent_shape: tuple[int, int, int],
    speech_shape: tuple[int, int],
    known: dict[tuple[str, ...], Cost],
) -> Description:
    with torch.device("meta"), NoDraws():
        model = build_model(config, latent_shape, speech_shape)
        costs = PartCosts(model, known)
        window, whole = costs.window(), costs.whole()
    sizes = _sizes(model)
    nothing = Cost(0, 0)
    parts = tuple(
        Part(
            _label(name, config),
            sizes[name],
            window.get(name, nothing).macs,
            (whole[name] - window.get(name, nothing)).macs,
            whole[name].kept,
        )
        for name in sizes
    )
    return Description(config, latent_shape, speech_shape, parts)


def _label(name: str, config: ModelConfig) -> str:
    modality = name.removesuffix(" fusion")
    return name if modality == name else f"{name}: {getattr(config.fusion, modality)}"


def _sizes(model: LetsTalk) -> dict[str, int]:
    modules = {
        "patch embedder": (model.patches, model.null_portrait),
        "timestep embedder": (model.time,),
        "blocks": (model.blocks,),
        "final layer": (model.final,),
        "portrait fusion": (model.portrait_fusion,),
        "audio fusion": (model.audio_fusion,),
        "audio projector": (model.audio_projector,),
    }
    return {name: sum(map(_size, parts)) for name, parts in modules.items()}


def _size(part: nn.Module | Tensor) -> int:
    return part.numel() if isinstance(part, Tensor) else sum(parameter.numel() for parameter in part.parameters())


class NoDraws(TorchFunctionMode):
    """Leaves fresh weights as they are, which have no data."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in (Tensor.normal_, Tensor.uniform_) else func(*args, **(kwargs or {}))
