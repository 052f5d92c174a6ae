"""Batches of encoded conditions: dataclasses and tuples of tensors whose first dimension is the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def take_rows(encoded: T, rows: Tensor | slice) -> T:
    """Select some windows of a batch, in each of its tensors."""
    return _mapped(lambda parts: parts[0][rows], [encoded])


def join_rows(batches: Sequence[T]) -> T:
    """Concatenate batches of the same structure, tensor by tensor."""
    return _mapped(torch.cat, batches)


def _mapped(function: Callable[[list[Tensor]], Tensor], trees: Sequence[Any]) -> Any:
    first = trees[0]
    if isinstance(first, Tensor):
        return function(list(trees))
    if isinstance(first, tuple):
        return tuple(_mapped(function, parts) for parts in zip(*trees, strict=True))
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        return replace(first, **{n: _mapped(function, [getattr(tree, n) for tree in trees]) for n in names})
    assert first is None, f"expected tensors, tuples and dataclasses, got {type(first).__name__}"
    return None
