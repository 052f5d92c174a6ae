"""Size of a model: parameters, multiply-accumulates of its matrix products, and activation memory.

Everything is counted on tensors without data, so no weights are allocated and the largest preset needs no memory.
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

    The part of a fusion scheme is the additional cost of the model with it, including the blocks.
    """

    name: str
    parameters: int
    macs_window: int
    """Multiply-accumulates per window, independent of the timestep."""
    macs_step: int
    """Multiply-accumulates per denoising step of a window."""
    activations: int
    """Bytes kept for the backward pass of one window, in float32."""


@dataclass(frozen=True)
class Description:
    """Size of a model for one window of one sample (batch 1)."""

    config: ModelConfig
    latent_shape: tuple[int, int, int]
    speech_shape: tuple[int, int]
    parts: tuple[Part, ...]

    @property
    def parameters_audio_projector(self) -> int:
        """Return the parameters of the audio projector."""
        return self._sum("parameters", self._of("audio projector"))

    @property
    def parameters_total(self) -> int:
        """Return the number of all parameters."""
        return self._sum("parameters", self.parts)

    @property
    def parameters(self) -> int:
        """Return the parameters of the diffusion transformer, as papers count them: without the audio projector."""
        return self.parameters_total - self.parameters_audio_projector

    @property
    def macs_window(self) -> int:
        """Return the multiply-accumulates per window."""
        return self._sum("macs_window", self.parts)

    @property
    def macs_step(self) -> int:
        """Return the multiply-accumulates per denoising step of a window."""
        return self._sum("macs_step", self.parts)

    @property
    def activations(self) -> int:
        """Return the bytes kept for the backward pass of one window, in float32."""
        return self._sum("activations", self.parts)

    @property
    def overhead_parameters(self) -> float:
        """Return the parameters of both fusion schemes, relative to the transformer without them."""
        added = self._sum("parameters", self._fusions)
        return added / (self.parameters - added)

    @property
    def overhead_macs(self) -> float:
        """Return the multiply-accumulates of both fusion schemes per step, relative to a step without them."""
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
    """Count a model's parts without allocating its weights.

    Raises:
        ConfigError: same as ``build_model``.
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
    """Skips the initialization of fresh weights, which have no data."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in (Tensor.normal_, Tensor.uniform_) else func(*args, **(kwargs or {}))
