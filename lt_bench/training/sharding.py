"""Weights, gradients and optimiser sharded over devices (PyTorch's FSDP2), and tensors that may be such shards."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils import _pytree as pytree

from lt_bench.models.tokens import WindowTokens


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Shard a LetsTalk in place: each layer of a stack is gathered when it runs, and what is left with the whole.

    Args:
        network: with whole weights, the same in every process.
        mesh: of the processes that share them.
    """
    # FSDP finds the tensors that enter and leave a block through this register.
    if WindowTokens not in pytree.SUPPORTED_NODES:
        pytree.register_dataclass(WindowTokens)
    for stack in [module for module in network.modules() if isinstance(module, nn.ModuleList)]:
        # A list that computes something itself (cross-attentions of a fusion) is called past its members' forward.
        if type(stack) is nn.ModuleList:
            for layer in stack:
                fully_shard(layer, mesh=mesh)
                if hasattr(layer, "advance"):  # the blocks' other way through: tokens that stay apart from the video
                    register_fsdp_forward_method(layer, "advance")
    fully_shard(network, mesh=mesh)


def release(network: nn.Module) -> None:
    """Free weights that were gathered and not yet freed, as after a forward pass without a backward pass."""
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def local_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor: all of it, unless it is sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def full_tensor(tensor: Tensor) -> Tensor:
    """A whole tensor; for a sharded one every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def sharded_like(whole: Tensor, like: Tensor) -> Tensor:
    """A copy of a whole tensor in the place and layout of another."""
    if isinstance(like, DTensor):
        return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
    return whole.detach().to(like, copy=True)


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The norm of all gradients together, shards of other processes included."""
    return full_tensor(torch.nn.utils.get_total_norm(gradients))
