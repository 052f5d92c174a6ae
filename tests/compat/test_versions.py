"""Files of every released version are read; newer ones are refused in a line with file, expected and got.

``v1`` holds text as lt_bench 0.1 writes it (binary containers around it are made here). A file there never changes:
when a format gets a minor version, its files are added beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lt_bench.errors import CacheError, CheckpointError, LtBenchError, ResultError
from lt_bench.evaluation.results import MINOR
from lt_bench.versions import body_of, check_version

RELEASED = Path(__file__).parent / "v1"
Read = Callable[[Path], Any]


def document(name: str) -> dict[str, Any]:
    return json.loads((RELEASED / f"{name}.json").read_text(encoding="utf-8"))


def read_cache(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lt_bench.data.cache import LatentCache

    pq.write_table(
        pa.Table.from_pylist(json.loads((RELEASED / "index.json").read_text())), path.parent / "index.parquet"
    )
    return LatentCache.open(path.parent)


def read_real(path: Path) -> Any:
    from lt_bench.data.real_set import read_real_set

    return read_real_set(path.parent)


def read_generated(path: Path) -> Any:
    from lt_bench.evaluation.generated_side import open_generated_side

    (path.parent / "clip0.mp4").touch()
    return open_generated_side(path.parent)


def read_result(path: Path) -> Any:
    from lt_bench.evaluation.results import load_result

    return load_result(path)


def read_model(path: Path) -> Any:
    import numpy as np
    from safetensors.numpy import save_file

    from lt_bench.models.checkpoint import read_card

    file = path.with_suffix(".safetensors")
    save_file({"raw.x": np.zeros(1, np.float32)}, file, metadata={"lt_bench": path.read_text()})
    return read_card(file)


def read_checkpoint(path: Path) -> Any:
    import torch

    from lt_bench.config import RunConfig, parse_config
    from lt_bench.training.checkpoints import find_checkpoint

    made = json.loads(path.read_text())
    file = path.parent / "checkpoints" / "last.ckpt"
    file.parent.mkdir()
    torch.save(made, file)
    asked = parse_config(RunConfig, document("checkpoint")["lt_bench"]["config"])
    return find_checkpoint(path.parent, asked, "00")


FORMATS: dict[str, tuple[str, Read, type[LtBenchError]]] = {
    "cache": ("cache.json", read_cache, CacheError),
    "real_manifest": ("manifest.json", read_real, CacheError),
    "generated_manifest": ("manifest.json", read_generated, ResultError),
    "result": ("result.json", read_result, ResultError),
    "result_early": ("result.json", read_result, ResultError),
    "result_1_1": ("result.json", read_result, ResultError),
    "result_1_2": ("result.json", read_result, ResultError),
    "model": ("model.json", read_model, CheckpointError),
    "checkpoint": ("checkpoint.json", read_checkpoint, CheckpointError),
}


def head(made: dict[str, Any]) -> dict[str, Any]:
    """The part of a document that carries its version."""
    return made.get("lt_bench", made)


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_released_is_read(name: str, tmp_path: Path):
    file, read, _ = FORMATS[name]
    (tmp_path / file).write_text(json.dumps(document(name)))
    assert read(tmp_path / file) is not None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("newer", [{"major": 1}, {"minor": 1}])
def test_a_newer_version_is_refused(name: str, newer: dict[str, int], tmp_path: Path):
    file, read, error = FORMATS[name]
    made = document(name)
    old = head(made)["version"]
    head(made)["version"] = old + newer.get("major", 0)
    minor = MINOR if name.startswith("result") else 0
    head(made)["minor"] = minor + 1 if newer.get("minor") else 0
    (tmp_path / file).write_text(json.dumps(made))
    known = f"{old}.{minor}" if minor else str(old)
    got = f"{old}.{minor + 1}" if newer.get("minor") else f"{old + 1}"
    with pytest.raises(error, match=f": expected version {known}, got {got}; a newer lt_bench wrote it") as caught:
        read(tmp_path / file)
    assert str(tmp_path) in str(caught.value)


def test_columns_that_came_later_have_defaults(tmp_path: Path):
    (tmp_path / "cache.json").write_text(json.dumps(document("cache")))
    records = read_cache(tmp_path / "cache.json").records()
    assert [(r.id, r.roll, r.quality.offset) for r in records] == [("clip0", 0.0, None), ("clip1", 0.0, None)]


def test_an_older_minor_version_is_read_and_an_older_major_one_is_not():
    check_version({"version": 3}, "a.json", 3, 2)
    check_version({"version": 3, "minor": 2}, "a.json", 3, 2)
    for bad, got in (
        ({"version": 2, "minor": 9}, "2.9"),
        ({"version": True}, "True"),
        ({}, "None"),
        ({"version": "3"}, "'3'"),
    ):
        with pytest.raises(LtBenchError, match=rf"a\.json: expected version 3\.2, got {got}$"):
            check_version(bad, "a.json", 3, 2)
    with pytest.raises(LtBenchError, match=r"expected version 3\.2, got 3\.3; a newer lt_bench wrote it"):
        check_version({"version": 3, "minor": 3}, "a.json", 3, 2)
    assert body_of({"format": "x", "version": 1, "minor": 0, "a": 2}) == {"a": 2}


def test_every_format_of_the_package_is_kept_here():
    from lt_bench.data import format as cache
    from lt_bench.data import real_set
    from lt_bench.evaluation import generated_side, results
    from lt_bench.models import checkpoint as model
    from lt_bench.training.module import CHECKPOINT_VERSION

    for name, module in (
        ("cache", cache),
        ("real_manifest", real_set),
        ("generated_manifest", generated_side),
        ("result", results),
        ("model", model),
    ):
        assert (document(name)["format"], document(name)["version"]) == (module.FORMAT, module.VERSION)
    assert document("checkpoint")["lt_bench"]["version"] == CHECKPOINT_VERSION
