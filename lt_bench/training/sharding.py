"""Sharding of weights, gradients and optimizer over devices (PyTorch's FSDP2), and handling of sharded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils import _pytree as pytree

from lt_bench.models.layers import CrossAttentions
from lt_bench.models.letstalk import LetsTalk
from lt_bench.models.tokens import WindowTokens


def shard(network: LetsTalk, mesh: DeviceMesh, low_precision: bool = False) -> None:
    """Shard a LetsTalk in place; each layer is gathered when it runs, and the remaining weights with the whole network.

    The modules of a block's cross-attentions that read the video are gathered with the block. Those that compute keys
    and values of the conditions, before the first block, are gathered separately.

    Args:
        network: network with whole weights, equal in every process.
        mesh: mesh of the processes that share them.
        low_precision: whether to gather weights in bfloat16; gradients are always reduced in float32.
    """
    # FSDP finds the tensors that enter and leave a block through this register.
    if WindowTokens not in pytree.SUPPORTED_NODES:
        pytree.register_dataclass(WindowTokens)
    # Activations keep the precision that autocast gives them.
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False) if low_precision else None
    wrap = partial(fully_shard, mesh=mesh, **({"mp_policy": policy} if policy else {}))
    attentions = [module for module in network.modules() if isinstance(module, CrossAttentions)]
    guests: list[nn.Module] = []
    for place, block in enumerate(network.blocks):
        guests += (own := [part for crosses in attentions for part in (crosses.of(place).q, crosses.of(place).proj)])
        with _joined(block, own):
            wrap(block)
    for crosses in attentions:
        for place in range(len(crosses)):
            wrap(crosses.of(place).kv)
    for stack in [module for module in network.modules() if type(module) is nn.ModuleList]:
        for layer in stack:
            if not isinstance(layer, FSDPModule):
                wrap(layer)
            if hasattr(layer, "advance"):  # the blocks' other way through: tokens that stay apart from the video
                register_fsdp_forward_method(layer, "advance")
    wrap(network, ignored_params={parameter for part in guests for parameter in part.parameters()})


@contextmanager
def _joined(block: nn.Module, guests: Sequence[nn.Module]) -> Iterator[None]:
    """Make modules temporary members of a block, so that they are sharded together with it.

    They run inside the block's ``forward``, whose hooks gather them; their own hooks would be skipped in compiled code.
    """
    names = [f"guest_{index}" for index in range(len(guests))]
    for name, guest in zip(names, guests, strict=True):
        block.add_module(name, guest)
    try:
        yield
    finally:
        for name in names:
            del block._modules[name]


def reduce_gradients(network: nn.Module, enabled: bool) -> None:
    """Set whether the next backward pass reduces gradients over processes or only accumulates them."""
    if isinstance(network, FSDPModule):
        network.set_requires_gradient_sync(enabled)


def release(network: nn.Module) -> None:
    """Free gathered weights, as after a forward pass without a backward pass."""
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def local_part(tensor: Tensor) -> Tensor:
    """Return this process's part of a tensor; all of it if it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def full_tensor(tensor: Tensor) -> Tensor:
    """Return a whole tensor; for a sharded one every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def sharded_like(whole: Tensor, like: Tensor) -> Tensor:
    """Return a copy of a whole tensor with the device and layout of another."""
    if isinstance(like, DTensor):
        return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
    return whole.detach().to(like, copy=True)


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the norm of all gradients together, including shards of other processes."""
    return full_tensor(torch.nn.utils.get_total_norm(gradients))
