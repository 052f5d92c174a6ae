"""Open file of a clip, whose windows are slices of a memory map.

A safetensors file consists of eight bytes with the length of a JSON header, the header with the type, shape and
position of every tensor, and the tensors. The library's own slices take up to twice as long as copying the same bytes.
The map is therefore sliced here, with numpy, which has less overhead per call than torch. ``tensor_file`` writes the
files.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, from_numpy

from lt_bench.data.tensor_file import TYPES
from lt_bench.errors import CacheError
from lt_bench.files import open_regular

MAX_HEADER = 1_000_000


@dataclass(frozen=True)
class _Stored:
    dtype: str
    shape: tuple[int, ...]
    array: ndarray
    """View of the memory map."""


class ClipFile:
    """An open clip file.

    Raises:
        CacheError: it is missing or is not a clip file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open_regular(path) as stream:
                data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._stored = _tensors(data)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise CacheError(f"{path}: expected a readable clip file, got {_reason(error)}") from None
        self.names = frozenset(self._stored)
        self._arrays = {name: found.array for name, found in self._stored.items()}

    def stored(self, name: str, start: int, stop: int) -> Tensor:
        """Return frames ``start`` to ``stop`` (exclusive) of a tensor in its stored type."""
        return self.window((name,), start, stop)[0]

    def window(self, names: Iterable[str], start: int, stop: int) -> list[Tensor]:
        """Return frames ``start`` to ``stop`` (exclusive) of several tensors, each in its stored type."""
        arrays = self._arrays
        try:
            return [from_numpy(arrays[name][start:stop].copy()) for name in names]
        except KeyError as error:
            raise self._absent(error.args[0]) from None

    def slice(self, name: str, start: int, stop: int) -> Tensor:
        """Return frames ``start`` to ``stop`` (exclusive) of a tensor as float32."""
        return self.stored(name, start, stop).to(torch.float32)

    def whole(self, name: str) -> Tensor:
        """Return a complete tensor as float32."""
        return from_numpy(self._find(name).array.copy()).to(torch.float32)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape without reading it."""
        return self._find(name).shape

    def dtype(self, name: str) -> str:
        """Return a tensor's stored type as safetensors names it, such as ``F16``."""
        return self._find(name).dtype

    def _find(self, name: str) -> _Stored:
        if name not in self.names:
            raise self._absent(name)
        return self._stored[name]

    def _absent(self, name: str) -> CacheError:
        return CacheError(f"{self.path}: expected a tensor '{name}', got {', '.join(sorted(self.names)) or 'none'}")


def _tensors(data: mmap.mmap) -> dict[str, _Stored]:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(MAX_HEADER, len(data) - 8):
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return {name: _stored(data, 8 + length, entry) for name, entry in header.items()}


def _stored(data: mmap.mmap, base: int, entry: dict[str, Any]) -> _Stored:
    shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
    kind = TYPES[entry["dtype"]]
    count = math.prod(shape)
    if begin < 0 or end - begin != count * kind.itemsize or base + end > len(data):
        raise ValueError(f"tensors beyond its {len(data)} bytes")
    return _Stored(entry["dtype"], shape, np.frombuffer(data, kind, count, base + begin).reshape(shape))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return f"a damaged header ({' '.join(str(error).split())[:100]})"
