"""CUDA's autocast to bfloat16 for tensors of the pretended GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from tests.support.pretended_gpu import GpuTensor

functional = nn.functional
LOW = {
    functional.linear,
    functional.conv2d,
    functional.scaled_dot_product_attention,
    torch.conv2d,
    torch.matmul,
    torch.bmm,
    Tensor.matmul,
    Tensor.__matmul__,
}
"""Computed in bfloat16."""
FULL = {
    functional.layer_norm,
    functional.softmax,
    torch.pow,
    torch.sum,
    torch.exp,
    torch.log,
    torch.norm,
    torch.cumprod,
    torch.rsqrt,
    Tensor.pow,
    Tensor.__pow__,
    Tensor.sum,
    Tensor.exp,
    Tensor.log,
}
"""Computed in float32."""
WIDEST = {torch.addcmul, torch.cat, torch.stack}
"""Computed in the widest type among the arguments."""


class Bf16Autocast(TorchFunctionMode):
    """Casts the arguments of the operations that this project calls, as CUDA's autocast does in C++."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        floats = [x for x in tree_leaves((args, kwargs)) if _is_float(x)]
        kind = None
        if func in LOW:
            kind = torch.bfloat16
        elif func in FULL:
            kind = torch.float32
        elif func in WIDEST:
            kind = torch.float32 if any(x.dtype == torch.float32 for x in floats) else torch.bfloat16
        if kind is not None and floats:
            args, kwargs = tree_map(lambda x: x.to(kind) if _is_float(x) else x, (args, kwargs))
        return func(*args, **kwargs)


def _is_float(value: Any) -> bool:
    return isinstance(value, GpuTensor) and value.dtype in (torch.float32, torch.bfloat16)
