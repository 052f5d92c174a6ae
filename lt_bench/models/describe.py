"""What a model is made of: parameters, multiply-accumulate operations of its matrix products, activation memory.

Everything is counted on tensors without data, so no weights are made and the largest preset needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions, FusedCondition
from lt_bench.models.fusion import Fusion, fusion_names
from lt_bench.models.letstalk import LetsTalk

FUSED_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


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
    cells = [FusionConfig(portrait, audio) for portrait in fusion_names() for audio in fusion_names()]
    known: dict[tuple[str, ...], _Cost] = {}
    found = []
    for cell in cells:
        progress(len(found), len(cells))
        found.append(_describe(replace(config, fusion=cell), latent_shape, speech_shape, known))
    return tuple(found)


def _describe(
    config: ModelConfig,
    latent_shape: tuple[int, int, int],
    speech_shape: tuple[int, int],
    known: dict[tuple[str, ...], _Cost],
) -> Description:
    with torch.device("meta"), _NoDraws():
        model = build_model(config, latent_shape, speech_shape)
        costs = _Costs(model, known)
        window, whole = costs.window(), costs.whole()
    sizes = _sizes(model)
    nothing = _Cost(0, 0)
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


class _NoFusion(Fusion):
    """A condition that does not enter."""

    def encode(self, tokens: Tensor) -> FusedCondition:
        return FusedCondition()


@dataclass(frozen=True)
class _Cost:
    """Multiply-accumulates of a computation, and bytes that autograd keeps of it."""

    macs: int
    kept: int

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(self.macs + other.macs, self.kept + other.kept)

    def __sub__(self, other: _Cost) -> _Cost:
        return _Cost(self.macs - other.macs, self.kept - other.kept)


class _Costs:
    """What the parts of a model cost; fusions by what the model costs more with them."""

    def __init__(self, model: LetsTalk, known: dict[tuple[str, ...], _Cost]) -> None:
        """Set up; ``known`` keeps the costs of whole passes between models that differ in fusions alone."""
        self.model, self.known = model, known
        self.conditions = _conditions(model)
        self.latents = torch.empty(1, model.config.frames, *model.latent_shape)
        self.time = torch.empty(1)
        self.fusions = {"portrait": model.portrait_fusion, "audio": model.audio_fusion}
        audio, keep = self.conditions.audio, self.conditions.keep_audio
        self.tokens, self.projector = self._cost(lambda: model.audio_projector(audio, keep))

    def window(self) -> dict[str, _Cost]:
        """Once a window."""
        model, conditions = self.model, self.conditions
        portrait, embedding = self._cost(lambda: model.patches(conditions.portrait[:, None]))
        motion = conditions.motion
        before = self._cost(lambda: model.patches(motion))[1] if motion is not None else _Cost(0, 0)
        return {
            "patch embedder": embedding + before,
            "portrait fusion": self._cost(lambda: model.fuse(model.portrait_fusion, portrait))[1],
            "audio fusion": self._cost(lambda: model.fuse(model.audio_fusion, self.tokens))[1],
            "audio projector": self.projector,
        }

    def whole(self) -> dict[str, _Cost]:
        """From the conditions to the prediction."""
        plain, portrait, both = (self._pass(*names) for names in ((), ("portrait",), ("portrait", "audio")))
        model, conditions = self.model, self.conditions
        video, embedding = self._cost(lambda: model.patches(self.latents))
        time, timestep = self._cost(lambda: model.time(self.time))
        _, final = self._cost(lambda: model.final(video, time))
        for latents in (conditions.portrait[:, None], conditions.motion):
            if latents is not None:
                embedding += self._cost(lambda latents=latents: model.patches(latents))[1]
        return {
            "patch embedder": embedding,
            "timestep embedder": timestep,
            "blocks": plain - embedding - timestep - final - self.projector,
            "final layer": final,
            "portrait fusion": portrait - plain,
            "audio fusion": both - portrait,
            "audio projector": self.projector,
        }

    def _pass(self, *modalities: str) -> _Cost:
        key = tuple(f"{modality} {self.fusions[modality].name}" for modality in modalities)
        if key not in self.known:
            for modality, fusion in self.fusions.items():
                entering = fusion if modality in modalities else _NoFusion(fusion.shape)
                setattr(self.model, f"{modality}_fusion", entering)
            self.known[key] = self._cost(lambda: self.model(self.latents, self.time, self.conditions))[1]
            for modality, fusion in self.fusions.items():
                setattr(self.model, f"{modality}_fusion", fusion)
        return self.known[key]

    def _cost(self, run: Callable[[], Any]) -> tuple[Any, _Cost]:
        with FlopCounterMode(display=False, custom_mapping={FUSED_ATTENTION: _attention_flops}) as counter:
            result, kept = kept_for_backward(self.model, run)
        return result, _Cost(counter.get_total_flops() // 2, kept)  # two operations for each multiply-accumulate


def _conditions(model: LetsTalk) -> Conditions:
    config = model.config
    keep = torch.empty(1, dtype=torch.bool)
    motion = torch.empty(1, config.motion_frames, *model.latent_shape)
    return Conditions(
        portrait=torch.empty(1, *model.latent_shape),
        audio=torch.empty(1, config.frames, 2 * config.audio_window + 1, *model.speech_shape),
        motion=motion if config.motion_frames else None,
        keep_portrait=keep,
        keep_audio=keep,
    )


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


class _NoDraws(TorchFunctionMode):
    """Leaves fresh weights as they are, which have no data."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in (Tensor.normal_, Tensor.uniform_) else func(*args, **(kwargs or {}))


class _FusedAttention(TorchFunctionMode):
    """Attention as CPUs and GPUs run it, which keeps no matrix of weights; tensors without data take another way."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            return FUSED_ATTENTION(*args)[0]
        return func(*args, **(kwargs or {}))


def kept_for_backward(model: nn.Module, run: Callable[[], Any]) -> tuple[Any, int]:
    """What ``run`` returns, and the bytes that autograd keeps of it, without the model's weights themselves."""
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), _FusedAttention():
        result = run()
    return result, sum(storage.nbytes() for storage in kept.values())
