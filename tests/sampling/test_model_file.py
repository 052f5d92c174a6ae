from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lt_bench.errors import CheckpointError
from lt_bench.models import checkpoint
from lt_bench.models.checkpoint import load_model, read_card, save_model


def _rewrite(path: Path, change: dict[str, object], tensors: dict[str, torch.Tensor] | None = None) -> None:
    with safe_open(path, "pt") as file:
        document = json.loads(file.metadata()["lt_bench"])
    save_file(tensors or load_file(path), path, metadata={"lt_bench": json.dumps(document | change)})


def test_what_is_saved_is_loaded(model_file: Path, tmp_path: Path) -> None:
    first = load_model(model_file)
    save_model(tmp_path / "again.safetensors", first.card, {"ema": first.model.state_dict()})
    again = load_model(tmp_path / "again.safetensors")
    assert again.card == first.card == read_card(model_file)
    assert all(torch.equal(v, again.model.state_dict()[k]) for k, v in first.model.state_dict().items())
    assert not again.model.training
    assert again.build_codec().name == "dct"


def test_weights_that_share_memory_or_are_parts_of_larger_ones_are_saved_whole(
    model_file: Path, tmp_path: Path
) -> None:
    card, rows = read_card(model_file), torch.arange(12.0).reshape(4, 3)
    state = {"whole": rows, "again": rows, "part": rows[1:3], "turned": rows.T, "empty": rows[:0]}
    save_model(tmp_path / "shared.safetensors", card, {"raw": state, "ema": state})
    saved = load_file(tmp_path / "shared.safetensors")
    assert len(saved) == 10
    assert all(torch.equal(saved[f"{kind}.{name}"], value) for kind in ("raw", "ema") for name, value in state.items())


def test_weights_with_memory_of_their_own_are_not_copied(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, torch.Tensor] = {}
    monkeypatch.setattr(checkpoint, "save_file", lambda tensors, path, metadata: given.update(tensors) or path.touch())
    rows = torch.zeros(4)
    save_model(tmp_path / "any.safetensors", read_card(model_file), {"raw": {"x": rows}, "ema": {"x": rows}})
    assert given["raw.x"].data_ptr() == rows.data_ptr() != given["ema.x"].data_ptr()


def test_weights_that_are_not_there_are_not_replaced_by_others(model_file: Path, tmp_path: Path) -> None:
    first = load_model(model_file)
    save_model(tmp_path / "raw.safetensors", first.card, {"raw": first.model.state_dict()})
    with pytest.raises(CheckpointError, match="expected 'ema' weights"):
        load_model(tmp_path / "raw.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 64])
def test_a_file_of_something_else_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="expected a model file") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="no such file"):
        load_model(tmp_path / "none")
    with pytest.raises(CheckpointError, match="expected a model file"):
        load_model(tmp_path)


def test_other_safetensors_other_versions_and_other_shapes_are_named(model_file: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.safetensors"
    save_file({"x": torch.zeros(2)}, plain)
    with pytest.raises(CheckpointError, match="expected format 'lt_bench model'"):
        load_model(plain)
    _rewrite(model_file, {"version": 2})
    with pytest.raises(CheckpointError, match="expected version 1, got 2"):
        load_model(model_file)
    _rewrite(model_file, {"version": 1, "unknown": 1})
    with pytest.raises(CheckpointError, match="unknown key 'unknown'"):
        load_model(model_file)


def test_a_missing_or_misshapen_tensor_is_named(model_file: Path) -> None:
    tensors = load_file(model_file)
    good = dict(tensors)
    tensors["ema.null_portrait"] = torch.zeros(3)
    _rewrite(model_file, {}, tensors)
    with pytest.raises(CheckpointError, match=r"tensor 'null_portrait': expected shape \[16\], got \[3\]"):
        load_model(model_file)
    del good["ema.null_portrait"]
    _rewrite(model_file, {}, good)
    with pytest.raises(CheckpointError, match=r"tensor 'null_portrait': expected shape \[16\], got none"):
        load_model(model_file)
