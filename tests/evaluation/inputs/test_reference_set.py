"""The reference set of a comparison, and the store of its features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.inputs.clip_context import TRUTH_COLUMNS, to_size
from lt_bench.evaluation.inputs.clip_loader import read_truth
from lt_bench.evaluation.inputs.reference_set import ReferenceSet, ReferenceVideo, open_reference_set
from lt_bench.evaluation.stores.feature_store import FeatureStore, default_folder


def reference(names: list[tuple[str, str]]) -> ReferenceSet:
    clips = tuple(ReferenceVideo(name, identity, Path(name)) for name, identity in names)
    return ReferenceSet(Path(), "d", "test", clips, {}, None, None)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_others_are_always_someone_else_and_fixed(identities: list[int]) -> None:
    names = [(f"clip{i:02d}", f"who{identity}") for i, identity in enumerate(identities)]
    others = reference(names).other_identities()
    if len(set(identities)) < 2:
        assert others == {}
        return
    assert others.keys() == {name for name, _ in names}
    assert all(others[name].identity != identity for name, identity in names)
    assert reference(names[::-1]).other_identities() == others


def test_others_go_round_the_sorted_identities() -> None:
    found = reference([("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")]).other_identities()
    assert {k: v.id for k, v in found.items()} == {"a1": "b1", "a2": "b1", "b1": "c1", "c1": "a1"}


def test_a_real_set_with_its_manifest(painted) -> None:
    real = open_reference_set(painted.folder)
    assert [c.id for c in real.clips] == ["ann_0", "bob_0", "bob_1", "cid_0"]
    assert {k: v.id for k, v in real.gallery.items()} == {"ann": "ann_9", "bob": "bob_9", "cid": "cid_9"}
    assert real.has_truth
    assert real.size(0) == (64, 64)
    assert real.size(128) == (128, 128)
    assert np.array_equal(read_truth(real.clips[0].truth), painted.states["ann_0"])


def test_two_real_videos_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mov"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ResultError, match=r"one real video 'a', got a\.mov and a\.mp4"):
        open_reference_set(tmp_path)


def test_a_damaged_truth_file_says_what_it_is_not(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "a.truth.safetensors"
    path.write_bytes(b"junk")
    with pytest.raises(LtBenchError, match=r"a\.truth\.safetensors: expected a truth file"):
        read_truth(path)
    save_file({"other": np.zeros((3, 12), np.float32)}, path)
    with pytest.raises(LtBenchError, match="expected a truth file"):
        read_truth(path)
    save_file({"truth": np.full((3, 12), np.nan, np.float32)}, path)
    with pytest.raises(LtBenchError, match="finite"):
        read_truth(path)


def test_columns_of_the_truth_are_those_of_the_synthetic_set() -> None:
    from data_prep.synthetic.performance import STATE

    assert TRUTH_COLUMNS == STATE


def test_features_are_computed_once_a_key(tmp_path: Path) -> None:
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1], "found": np.array([True, False])}

    first = FeatureStore(tmp_path).get({"video": "v", "key": "k"}, compute)
    again = FeatureStore(tmp_path).get({"key": "k", "video": "v"}, compute)
    assert len(calls) == 1
    assert np.array_equal(first["x"], again["x"])
    assert again["x"].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert again["found"].dtype == bool
    FeatureStore(tmp_path).get({"video": "w", "key": "k"}, compute)
    assert len(calls) == 2


def test_a_damaged_entry_is_measured_again(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.get({"k": 1}, lambda: {"x": np.ones(3)})
    next(tmp_path.rglob("*.safetensors")).write_bytes(b"cut")
    assert store.get({"k": 1}, lambda: {"x": np.zeros(3)})["x"].tolist() == [0, 0, 0]
    assert store.get({"k": 1}, lambda: {"x": np.ones(3)})["x"].tolist() == [0, 0, 0]


def test_the_store_is_in_the_named_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "features"


def test_equal_sizes_pass_untouched_and_others_get_the_size() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    assert to_size(frames, 30, 20) is frames
    assert to_size(frames, 15, 10).shape == (3, 10, 15, 3)
    assert to_size(frames, 60, 40).shape == (3, 40, 60, 3)
    assert to_size(frames, 15, 10)[0, 0, 0] == pytest.approx(frames[0, :2, :2].mean(axis=(0, 1)), abs=1)  # by area
