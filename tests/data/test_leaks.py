from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lt_bench.cli.main import main
from lt_bench.data.cache import LatentCache
from lt_bench.data.face_prints import FacePrints
from lt_bench.data.leaks import BLOCK, near_pairs, shared_by_name, shared_faces, source_video
from lt_bench.data.writer import CacheWriter


@pytest.fixture
def build(tmp_path: Path, info, make_clip) -> Callable[..., LatentCache]:
    def _build(*clips: dict) -> LatentCache:
        with CacheWriter(tmp_path / "cache", info) as writer:
            for seed, changes in enumerate(clips):
                given = {"source": f"video{seed}", "seed": seed} | changes
                writer.add(make_clip(f"c{seed}", split=given.pop("split"), seed=given.pop("seed"), **given))
            writer.finish()
        return LatentCache.open(tmp_path / "cache")

    return _build


def test_an_identity_a_source_video_and_a_copied_clip_in_two_splits_are_leaks(build):
    cache = build(
        {"split": "train", "identity": "ann"},
        {"split": "test", "identity": "ann"},
        {"split": "train", "source": "WDA/JohnLewis0 5-35 s"},
        {"split": "validation", "source": "WDA/JohnLewis0 40-65.5 s"},
        {"split": "train", "seed": 9},
        {"split": "test", "seed": 9},
        {"split": "train", "source": "same"},
        {"split": "train", "source": "same"},
    )
    found = {shared.kind: shared for shared in shared_by_name(cache)}
    assert {kind: shared.clips for kind, shared in found.items()} == {
        "identity": ("c0", "c1"),
        "source video": ("c2", "c3"),
        "content": ("c4", "c5"),
    }
    assert found["source video"].what == "WDA/JohnLewis0"
    assert found["identity"].splits == ("test", "train")


def test_a_clean_cache_exits_0_and_a_leak_1(build, capsys: pytest.CaptureFixture[str]):
    clean = build({"split": "train"}, {"split": "test"})
    assert main(["cache", "check-leaks", str(clean.path)]) == 0
    assert "0 leaks in 2 clips" in capsys.readouterr().out
    assert main(["cache", "check-leaks", str(clean.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"] == "rendered, not compared"


def test_one_person_under_several_names_is_found_across_and_within_splits(build):
    cache = build(*({"split": split} for split in ("train", "test", "train", "train", "validation")))
    prints = np.zeros((5, 128), np.float32)
    prints[:, 0] = (0, 0.3, 5, 5.4, 9)
    faces = shared_faces(FacePrints(cache.records(), prints, {}), distance=0.45)
    assert [(f.what, f.leaks, f.distance) for f in faces] == [
        ("who-c0 = who-c1", True, 0.3),
        ("who-c2 = who-c3", False, 0.4),
    ]
    assert shared_faces(FacePrints(cache.records(), prints, {}), distance=0.2) == []
    chain = shared_faces(FacePrints(cache.records(), prints, {}), distance=4.8)
    assert [(f.what, f.splits) for f in chain] == [
        ("who-c0 = who-c1 = who-c2 = who-c3 = who-c4", ("test", "train", "validation"))
    ]


def test_near_pairs_are_those_of_the_full_matrix():
    rng = np.random.default_rng(0)
    prints, who = rng.normal(size=(BLOCK + 200, 8)), rng.integers(0, 40, BLOCK + 200)
    found = {(a, b) for a, b, _ in near_pairs(prints, who, 1.2)}
    near = np.argwhere((cdist(prints, prints) < 1.2) & (who[:, None] < who))
    assert found == {(int(a), int(b)) for a, b in near}
    assert len(found) > 50


@pytest.mark.parametrize(
    ("source", "video"),
    [
        ("WDA/JohnLewis0 5-35 s", "WDA/JohnLewis0"),
        ("M2Ohb0FAaJU_1 81.62-86.17 s", "M2Ohb0FAaJU_1"),
        ("my film.mp4", "my film.mp4"),
    ],
)
def test_the_source_video_of_a_part(source: str, video: str):
    assert source_video(source) == video
