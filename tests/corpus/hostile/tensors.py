"""Safetensors files whose headers lie; a model and a clip of a cache are such files."""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any

from hostile.entry import Make, folder, loop, pipe, sparse, written
from hostile.pickles import Payload


def safetensors(header: bytes | dict[str, Any], body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file whose header may be anything."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor_entry(shape: list[Any], offsets: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


HEADERS: dict[str, Make] = {
    "of 0 bytes": written(b""),
    "of 7 bytes": written(b"\x10\0\0\0\0\0\0"),
    "whose header is 2^63 bytes": written(safetensors(b"{}", length=2**63)),
    "whose header is 90 MB": sparse(10**8, struct.pack("<Q", 9 * 10**7) + b"{"),
    "whose header is no JSON": written(safetensors(b"{]")),
    "whose header is a list": written(safetensors(b"[1]")),
    "whose header is deep": written(safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "whose header is no UTF-8": written(safetensors(b'{"\xff\xfe": 1}')),
    "whose tensor is an exabyte": written(safetensors(tensor_entry([1 << 58], [0, 1 << 60]))),
    "whose shape overflows": written(safetensors(tensor_entry([1 << 40, 1 << 40], [0, 4]), bytes(4))),
    "whose shape is huge and empty": written(safetensors(tensor_entry([0, 1 << 70], [0, 0]))),
    "whose shape is negative": written(safetensors(tensor_entry([-1, -4], [0, 16]), bytes(16))),
    "whose shape is text": written(safetensors(tensor_entry(["4"], [0, 16]), bytes(16))),
    "whose offsets go back": written(safetensors(tensor_entry([4], [16, 0]), bytes(16))),
    "whose offsets are negative": written(safetensors(tensor_entry([4], [-16, 0]), bytes(16))),
    "whose offsets are fractions": written(safetensors(tensor_entry([4], [0.5, 16.5]), bytes(32))),
    "whose type is unknown": written(safetensors(tensor_entry([4], [0, 16], "EVIL"), bytes(16))),
    "whose tensors overlap": written(
        safetensors(tensor_entry([4], [0, 16]) | {"y": tensor_entry([4], [8, 24])["x"]}, bytes(24))
    ),
    "that is a pickle": written(pickle.dumps(Payload())),
    "of 3 GB of zeros": sparse(3 * 10**9),
    "that links to itself": loop,
    "that is a pipe": pipe,
    "that is a folder": folder,
}
