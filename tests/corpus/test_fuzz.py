"""Any bytes, and any change to a good file, end in a value or in one of our own errors: never in a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from lt_bench.config import ExperimentConfig, RunConfig, SearchConfig, load_config, parse_config
from lt_bench.config.load import apply_overrides
from lt_bench.data.clip_file import ClipFile
from lt_bench.data.format import info_from_dict
from lt_bench.data.index import read_index, row_to_record
from lt_bench.data.real_set import read_real_set
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.inputs.pairing import read_pairs
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.results.result_file import from_document
from lt_bench.files import read_json
from lt_bench.leaderboard.submission import check_submission

RELEASED = Path(__file__).parents[1] / "compat" / "v1"
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
QUICK = settings(max_examples=25, **QUIET)
LONG = settings(max_examples=3000, **QUIET)


def ours(read: Callable[[], object]) -> None:
    """Call a reader; errors of ours are fine, all others escape."""
    with contextlib.suppress(LtBenchError):
        read()


def in_file(content: bytes, read: Callable[[Path], object], name: str = "file") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        ours(lambda: read(path))


def released(name: str) -> Any:
    return json.loads((RELEASED / f"{name}.json").read_text(encoding="utf-8"))


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with a few bytes replaced, left out or put in."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        data[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=8))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@st.composite
def altered(draw: st.DrawFn, good: Any) -> Any:
    """A good document with one value, somewhere in it, replaced or left out."""
    if not isinstance(good, (dict, list)) or not good or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    keys = sorted(good) if isinstance(good, dict) else range(len(good))
    key = draw(st.sampled_from(list(keys)))
    copy: Any = dict(good) if isinstance(good, dict) else list(good)
    if draw(st.integers(0, 4)) == 0:
        del copy[key]
    else:
        copy[key] = draw(altered(good[key]))
    return copy


def clip_bytes() -> bytes:
    return save({"latents": np.zeros((3, 2, 2, 2), np.float16), "truth": np.zeros((3, 12), np.float32)})


def index_file() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(released("index")), buffer)
    return buffer.getvalue()


def pack_file() -> bytes:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr(
            "submission.json", json.dumps({"format": "lt_bench submission", "version": 1, "files": {"result.json": {}}})
        )
        pack.writestr("result.json", json.dumps(released("result")))
    return buffer.getvalue()


def header_of(entry: Any) -> bytes:
    text = json.dumps({"x": entry}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64)


TENSOR = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
YAML_TEXT = b"model: {preset: tiny, frames: 4}\ntrain:\n  steps: 10\n  learning_rate: 1e-3\n"


def read_tensors(path: Path) -> None:
    file = ClipFile(path)
    for name in file.names:
        file.shape(name), file.dtype(name), file.window([name], 0, 2)


def read_manifest(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text(json.dumps(document))
        read_real_set(folder)


TARGETS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], object]]] = {
    "clip file": (damaged(clip_bytes()), lambda data: in_file(data, read_tensors)),
    "tensor's header": (altered(TENSOR), lambda entry: in_file(header_of(entry), read_tensors)),
    "index": (damaged(index_file()), lambda data: in_file(data, read_index)),
    "row": (altered(released("index")[0]), lambda row: ours(lambda: isinstance(row, dict) and row_to_record(row, "x"))),
    "cache.json": (altered(released("cache")), lambda made: ours(lambda: info_from_dict(made, Path("cache.json")))),
    "real manifest": (altered(released("real_manifest")), lambda made: ours(lambda: read_manifest(made))),
    "result": (altered(released("result")), lambda made: ours(lambda: from_document(made))),
    "pack": (damaged(pack_file()), lambda data: in_file(data, check_submission)),
    "JSON": (st.binary(max_size=60), lambda data: in_file(data, read_json)),
    "pairs": (damaged(b"real,generated\na,b.mp4\n"), lambda data: in_file(data, read_pairs, "p.csv")),
    "pairs in JSON": (damaged(b'{"a": "b.mp4"}'), lambda data: in_file(data, read_pairs, "p.json")),
    "configuration": (damaged(YAML_TEXT), lambda data: in_file(data, lambda path: load_config(RunConfig, path))),
    "experiment": (altered({"cells": [{"portrait": "a", "audio": "b"}], "seeds": [0], "grid": {"train.steps": [1]}}),
                   lambda made: ours(lambda: isinstance(made, dict) and parse_config(ExperimentConfig, made))),
    "search": (altered({"name": "s", "trials": 3}),
               lambda made: ours(lambda: isinstance(made, dict) and parse_config(SearchConfig, made))),
    "protocol": (altered({"id": "p", "version": 1, "about": "", "scores": [{"name": "psnr"}]}),
                 lambda made: ours(lambda: isinstance(made, dict) and parse_config(Protocol, made))),
    "override": (st.text(max_size=30), lambda text: ours(lambda: apply_overrides({}, [text]))),
}  # fmt: skip


def fuzz(name: str, bounds: settings) -> None:
    strategy, read = TARGETS[name]
    bounds(given(strategy)(read))()


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_dozen_damaged_inputs_end_in_a_value_or_an_error_of_ours(name: str):
    fuzz(name, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_thousands_of_damaged_inputs_end_in_a_value_or_an_error_of_ours(name: str):
    fuzz(name, LONG)
