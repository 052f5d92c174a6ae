"""GPU memory of training a model: weights and optimizer state, and activations of a window.

The memory is counted on tensors without data, as in ``describe``. Allocator fragmentation, library workspaces and the
CUDA context (about 1 GiB together) are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from lt_bench.config import ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.counting import FUSED_ATTENTION, empty_conditions
from lt_bench.models.letstalk import LetsTalk
from lt_bench.models.model_summary import NoDraws
from lt_bench.models.tokens import WindowTokens

FLOAT, HALF = 4, 2
WINDOWS = 2
"""Number of windows counted together; a single window is modulated by another operation, which keeps slightly less."""
LOW = frozenset((F.linear, F.conv2d, torch.conv2d, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm))
FULL = frozenset((F.layer_norm, F.softmax, torch.pow, Tensor.pow, Tensor.__pow__, torch.sum, Tensor.sum))
"""Operations used by the network that CUDA's autocast computes in bfloat16, and in float32."""


@dataclass(frozen=True)
class Activations:
    """Bytes that one training window keeps for the backward pass."""

    plain: int
    checkpointed: int
    """Bytes with ``train.activation_checkpointing``: the inputs of each block, and those of the block being
    recomputed."""


@dataclass(frozen=True)
class Memory:
    """Memory of a training process in bytes, by part."""

    parameters: int
    gathered: int
    """Parameters of the two largest groups that FSDP gathers: the running block and the next one."""
    fp32: Activations
    bf16: Activations

    @property
    def weights(self) -> int:
        """Return the bytes of float32 weights."""
        return FLOAT * self.parameters

    @property
    def state(self) -> int:
        """Return the bytes of weights, gradients, both moments of AdamW and the weight average."""
        return 5 * self.weights

    def per_gpu(self, gpus: int, strategy: str, precision: str, windows: int, checkpointing: bool) -> int:
        """Return the bytes on each of several GPUs.

        Args:
            gpus: number of processes that share the training.
            strategy: ``ddp``, where each process holds everything, or ``fsdp``.
            precision: ``fp32`` or ``bf16``, with copies of the weights in bfloat16.
            windows: windows per GPU at a time: ``batch_size`` divided by GPUs and ``accumulate``.
            checkpointing: whether activations are checkpointed.
        """
        kept: Activations = self.bf16 if precision == "bf16" else self.fp32
        activations = windows * (kept.checkpointed if checkpointing else kept.plain)
        if strategy == "fsdp":
            return self.state // gpus + self.gathered * (HALF if precision == "bf16" else FLOAT) + activations
        return self.state + (HALF * self.parameters if precision == "bf16" else 0) + activations


def training_memory(config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]) -> Memory:
    """Count the memory of training a model.

    Raises:
        ConfigError: same as ``build_model``.
    """
    with torch.device("meta"), NoDraws():
        model = build_model(config, latent_shape, speech_shape)
        fp32, bf16 = _activations(model, low=False), _activations(model, low=True)
    sizes = sorted((sum(p.numel() for p in block.parameters()) for block in model.blocks), reverse=True)
    return Memory(sum(p.numel() for p in model.parameters()), sum(sizes[:2]), fp32, bf16)


@dataclass
class _Kept:
    """Storages kept for the backward pass, each counted once, without weights."""

    weights: frozenset[int]
    storages: dict[int, torch.UntypedStorage] = field(default_factory=dict)

    def __call__(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.weights:
            self.storages[storage._cdata] = storage
        return tensor

    @property
    def bytes(self) -> int:
        return sum(storage.nbytes() for storage in self.storages.values())


def _activations(model: LetsTalk, low: bool) -> Activations:
    mode = _Mode(low, {id(p): p for p in model.parameters()})
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    weights |= {copy.untyped_storage()._cdata for copy in mode.copies.values()}
    whole = _run(model, mode, frozenset(weights))
    largest = 0
    outer = _Kept(frozenset(weights))

    def checkpointed(block: nn.Module) -> Any:
        forward = block.forward

        def run(*args: Any) -> Any:
            nonlocal largest
            inner = _Kept(frozenset(weights))
            for tensor in _tensors(args):
                outer(tensor)
            with saved_tensors_hooks(inner, lambda tensor: tensor):
                result = forward(*args)
            largest = max(largest, inner.bytes)
            return result

        return run

    for block in model.blocks:
        block.forward = checkpointed(block)
    try:
        _run(model, mode, frozenset(weights), outer)
    finally:
        for block in model.blocks:
            del block.forward
    return Activations(whole.bytes // WINDOWS, (outer.bytes + largest) // WINDOWS)


def _run(model: LetsTalk, mode: _Mode, weights: frozenset[int], kept: _Kept | None = None) -> _Kept:
    kept = kept or _Kept(weights)
    latents = torch.empty(WINDOWS, model.config.frames, *model.latent_shape)
    with saved_tensors_hooks(kept, lambda tensor: tensor), mode:
        prediction = model(latents, torch.empty(WINDOWS), empty_conditions(model, WINDOWS))
        (prediction.float() - 1).square().mean()
    return kept


def _tensors(args: Any) -> list[Tensor]:
    plain = tree_map(lambda x: list(vars(x).values()) if isinstance(x, WindowTokens) else x, args)
    return [leaf for leaf in tree_leaves(plain) if isinstance(leaf, Tensor)]


class _Mode(TorchFunctionMode):
    """Fused attention, which stores no weight matrix, and CUDA's autocast to bfloat16 for tensors without data."""

    def __init__(self, low: bool, weights: dict[int, nn.Parameter]) -> None:
        super().__init__()
        self.low = low
        # Like autocast's cache, this keeps one copy of each weight for any number of uses.
        self.copies = {key: p.detach().to(torch.bfloat16) for key, p in weights.items()} if low else {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return FUSED_ATTENTION(*(self._cast(x, torch.bfloat16) if self.low else x for x in args))[0]
        if self.low and func in LOW:
            args = tree_map(lambda x: self._cast(x, torch.bfloat16), args)
        elif self.low and func in FULL:
            args = tree_map(lambda x: self._cast(x, torch.float32), args)
        elif self.low and func in (torch.addcmul, torch.cat, torch.stack):
            floats = {x.dtype for x in tree_leaves(args) if isinstance(x, Tensor) and x.is_floating_point()}
            if torch.float32 in floats:
                args = tree_map(lambda x: self._cast(x, torch.float32), args)
        return func(*args, **kwargs)

    def _cast(self, value: Any, kind: torch.dtype) -> Any:
        if not isinstance(value, Tensor) or value.dtype not in (torch.float32, torch.bfloat16):
            return value
        copy = self.copies.get(id(value)) if kind == torch.bfloat16 else None
        return value.to(kind) if copy is None else copy.requires_grad_()
