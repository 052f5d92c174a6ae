from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.datasets.published_splits import published, read_splits, splits_text
from data_prep.datasets.splits import RULE, SplitRule, group_names, split_identities
from lt_bench.errors import CacheError, ConfigError

NAMES = st.sets(st.text(min_size=1, max_size=6), min_size=1, max_size=40)


@given(NAMES)
@settings(deadline=None, max_examples=100)
def test_every_set_holds_someone_out_where_it_can(names: set[str]):
    counts = Counter(split_identities(names).values())
    assert sum(counts.values()) == len(names)
    assert counts["train"] >= 1
    assert (counts["test"] >= 1) == (len(names) > 1)
    assert (counts["validation"] >= 1) == (len(names) > 2)


@given(NAMES, NAMES)
@settings(deadline=None, max_examples=100)
def test_additions_move_nobody_that_was_not_lent(old: set[str], new: set[str]):
    before, after = split_identities(old), split_identities(old | new)
    moved = [name for name in old if before[name] != after[name]]
    assert all(before[name] != RULE.split(RULE.value(name)) or name in _lent(after) for name in moved)
    assert len(moved) <= 4


def _lent(splits: dict) -> set[str]:
    return {name for name, split in splits.items() if split != RULE.split(RULE.value(name))}


@given(NAMES, NAMES)
@settings(deadline=None, max_examples=100)
def test_pinned_identities_never_move(old: set[str], new: set[str]):
    before = split_identities(old)
    after = split_identities(old | new, pinned=before)
    assert {name: after[name] for name in old} == before


def test_a_large_set_is_split_by_thresholds_alone():
    names = [f"person {i}" for i in range(5000)]
    splits = split_identities(names)
    assert all(splits[name] == RULE.split(RULE.value(name)) for name in names)
    counts = Counter(splits.values())
    assert 420 < counts["test"] < 580
    assert 420 < counts["validation"] < 580
    assert splits != split_identities(names, rule=SplitRule(seed=1))
    assert splits == split_identities(reversed(names))


@given(NAMES, st.lists(st.lists(st.text(min_size=1, max_size=6), max_size=4), max_size=8))
@settings(deadline=None, max_examples=100)
def test_names_that_belong_together_share_a_split(names: set[str], same: list[list[str]]):
    splits = split_identities(names, same)
    for linked in same:
        assert len({splits[name] for name in linked if name in splits}) <= 1
    assert sorted(name for group in group_names(names, same) for name in group) == sorted(names)


def test_who_joins_a_pinned_group_follows_it_and_two_pins_of_one_group_are_refused():
    splits = split_identities(["ann", "bob", "cy"], [["ann", "cy"]], {"ann": "test"})
    assert splits["cy"] == "test"
    with pytest.raises(ConfigError, match=r"ann .test. and cy .train. belong together"):
        split_identities(["ann", "cy"], [["ann", "cy"]], {"ann": "test", "cy": "train"})


def test_the_published_splits_of_hdtf_are_disjoint_in_people_and_videos():
    splits = published("hdtf")
    assert len(splits.videos) == 370
    assert splits.hash == "886d677c463b9935ad7659e2152d523288d3a0f5380b0c5dddce91ba5a97e4f5"
    for key in ("identity", "video"):
        homes: dict[str, set[str]] = {}
        for video in splits.videos:
            homes.setdefault(getattr(video, key), set()).add(video.split)
        assert all(len(found) == 1 for found in homes.values())
    videos = splits.by_name()
    assert videos["WDA/JohnLewis0"].identity == videos["WDA/JohnLewis1"].identity
    assert videos["WDA/WhipJimClyburn"].identity == videos["WDA/JamesClyburn"].identity == "JamesClyburn"
    assert {v.split for v in splits.videos if v.name.startswith("RD/")} == {"train"}
    with pytest.raises(ConfigError, match=r"published splits .*hdtf.*, got 'celebv'"):
        published("celebv")


def test_a_changed_manifest_is_refused(tmp_path: Path):
    text = splits_text(published("hdtf"))
    path = tmp_path / "hdtf.json"
    path.write_text(text)
    assert read_splits(path) == published("hdtf")
    path.write_text(text.replace('"split": "test"', '"split": "train"', 1))
    with pytest.raises(CacheError, match="key 'hash'"):
        read_splits(path)
    path.write_text("{}")
    with pytest.raises(CacheError, match="lt_bench splits"):
        read_splits(path)


def test_the_committed_script_makes_the_published_splits_from_the_lists(assets: Path, tmp_path: Path):
    _publish("hdtf", assets / "hdtf", tmp_path / "made.json")
    assert read_splits(tmp_path / "made.json") == published("hdtf")


def test_clips_of_a_celebv_video_share_its_split(tmp_path: Path):
    clips = {f"v{i % 30}_{i}": {"ytb_id": f"v{i % 30}"} for i in range(90)}
    (tmp_path / "celebvhq_info.json").write_text(json.dumps({"meta_info": {}, "clips": clips}))
    _publish("celebv-hq", tmp_path, tmp_path / "made.json")
    made = read_splits(tmp_path / "made.json")
    assert len(made.videos) == 30
    assert {v.split for v in made.videos} == {"train", "validation", "test"}


def _publish(dataset: str, lists: Path, out: Path) -> None:
    import subprocess
    import sys

    script = Path(__file__).resolve().parents[3] / "experiments" / "splits" / "publish.py"
    subprocess.run(
        [sys.executable, str(script), dataset, "--lists", str(lists), "--out", str(out)],
        check=True,
        capture_output=True,
    )
