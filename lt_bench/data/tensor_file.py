"""Writer of a clip's tensors as a safetensors file, directly from their memory.

The library's writer keeps two copies of the file in memory, and a clip of ten minutes has three hundred megabytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import numpy as np
from numpy import ndarray

from lt_bench.files import atomic_path

TYPES = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
"""Types of a clip's tensors, as safetensors names them."""
_NAMES = {kind: name for name, kind in TYPES.items()}
_ALIGNMENT = 8


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, ndarray]) -> None:
    """Write contiguous float16 or float32 arrays atomically, with the same bytes as ``safetensors.save``.

    Raises:
        LtBenchError: the file cannot be written.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header, place = {}, 0
    for name in order:
        tensor = tensors[name]
        end = place + tensor.nbytes
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            stream.write(tensors[name].reshape(-1).view(np.uint8).data)
