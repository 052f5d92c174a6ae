"""Costs of the parts of a network: multiply-accumulates of matrix products, and bytes kept for the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from lt_bench.models.conditions import Conditions, FusedCondition
from lt_bench.models.fusion import Fusion
from lt_bench.models.letstalk import LetsTalk

FUSED_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


class _NoFusion(Fusion):
    """A fusion scheme that ignores its condition."""

    def encode(self, tokens: Tensor) -> FusedCondition:
        return FusedCondition()


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of a computation, and bytes that autograd keeps for it."""

    macs: int
    kept: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.macs + other.macs, self.kept + other.kept)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.macs - other.macs, self.kept - other.kept)


class PartCosts:
    """Costs of the parts of a model; the cost of a fusion scheme is the additional cost of the model with it."""

    def __init__(self, model: LetsTalk, known: dict[tuple[str, ...], Cost]) -> None:
        """Set up the counter; ``known`` shares the costs of complete passes between models that differ in fusion."""
        self.model, self.known = model, known
        self.conditions = empty_conditions(model)
        self.latents = torch.empty(1, model.config.frames, *model.latent_shape)
        self.time = torch.empty(1)
        self.fusions = {"portrait": model.portrait_fusion, "audio": model.audio_fusion}
        audio, keep = self.conditions.audio, self.conditions.keep_audio
        self.tokens, self.projector = self._cost(lambda: model.audio_projector(audio, keep))

    def window(self) -> dict[str, Cost]:
        """Count the costs per window."""
        model, conditions = self.model, self.conditions
        portrait, embedding = self._cost(lambda: model.patches(conditions.portrait[:, None]))
        motion = conditions.motion
        before = self._cost(lambda: model.patches(motion))[1] if motion is not None else Cost(0, 0)
        return {
            "patch embedder": embedding + before,
            "portrait fusion": self._cost(lambda: model.fuse(model.portrait_fusion, portrait))[1],
            "audio fusion": self._cost(lambda: model.fuse(model.audio_fusion, self.tokens))[1],
            "audio projector": self.projector,
        }

    def whole(self) -> dict[str, Cost]:
        """Count the costs from the conditions to the prediction."""
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

    def _pass(self, *modalities: str) -> Cost:
        key = tuple(f"{modality} {self.fusions[modality].name}" for modality in modalities)
        if key not in self.known:
            for modality, fusion in self.fusions.items():
                entering = fusion if modality in modalities else _NoFusion(fusion.shape)
                setattr(self.model, f"{modality}_fusion", entering)
            self.known[key] = self._cost(lambda: self.model(self.latents, self.time, self.conditions))[1]
            for modality, fusion in self.fusions.items():
                setattr(self.model, f"{modality}_fusion", fusion)
        return self.known[key]

    def _cost(self, run: Callable[[], Any]) -> tuple[Any, Cost]:
        with FlopCounterMode(display=False, custom_mapping={FUSED_ATTENTION: _attention_flops}) as counter:
            result, kept = kept_for_backward(self.model, run)
        return result, Cost(counter.get_total_flops() // 2, kept)  # two operations per multiply-accumulate


def empty_conditions(model: LetsTalk, windows: int = 1) -> Conditions:
    """Create conditions of some windows, without values."""
    config = model.config
    keep = torch.empty(windows, dtype=torch.bool)
    motion = torch.empty(windows, config.motion_frames, *model.latent_shape)
    return Conditions(
        portrait=torch.empty(windows, *model.latent_shape),
        audio=torch.empty(windows, config.frames, 2 * config.audio_window + 1, *model.speech_shape),
        motion=motion if config.motion_frames else None,
        keep_portrait=keep,
        keep_audio=keep,
    )


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


class _FusedAttention(TorchFunctionMode):
    """Attention as CPUs and GPUs run it, without storing the weight matrix; tensors without data use another path."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            return FUSED_ATTENTION(*args)[0]
        return func(*args, **(kwargs or {}))


def kept_for_backward(model: nn.Module, run: Callable[[], Any]) -> tuple[Any, int]:
    """Return the result of ``run``, and the bytes that autograd keeps for it, without the model's weights."""
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
