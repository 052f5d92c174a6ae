"""Pairs by file, bounded stores, frames and features that do not fit in memory, and the hash of code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import ResultError
from lt_bench.evaluation.harness import Harness
from lt_bench.evaluation.inputs.clip_context import Tools, VideoView
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.evaluation.results.csv_export import save_csv
from lt_bench.evaluation.running.clip_scorer import ClipScores
from lt_bench.evaluation.running.spilled_features import SpilledArrays, SpilledFeatures
from lt_bench.evaluation.stores.code_hash import code_hash
from lt_bench.evaluation.stores.feature_store import FeatureStore

PIXELS = Protocol("pixels", 1, "for tests", (ScoreSpec("psnr"),), 64)


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_videos_are_paired_as_a_file_says(painted, generate: Callable[..., Path], suffix: str) -> None:
    folder = generate()
    (folder / "ann_0.mp4").rename(folder / "take one.mp4")
    pairs = folder / f"pairs.{suffix}"
    wanted = {"ann_0": "take one.mp4", "bob_0": "bob_0.mp4", "bob_1": "nowhere.mp4"}
    rows = "\n".join(["real,generated", *(f"{a},{b}" for a, b in wanted.items())])
    pairs.write_text(json.dumps(wanted) if suffix == "json" else rows)
    result = Harness(PIXELS, pairs=pairs).evaluate(painted.folder, folder)
    assert set(result.scores["psnr"].per_video) == {"ann_0", "bob_0"}
    assert {m.clip: m.reason for m in result.misses} == {
        "bob_1": "no generated video nowhere.mp4",
        "cid_0": f"pairs.{suffix} names no generated video for it",
    }
    assert result.meta["pairs"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("real,generated\nann_0,a.mp4\nann_0,b.mp4", "expected every real video once, got 'ann_0' twice"),
        ("real,generated\nzoe,a.mp4", "expected ids of real videos, got 'zoe'"),
        ("real,generated\nann_0,../a.mp4", "expected files inside"),
        ("a,b\n1,2", "expected columns real and generated, got a, b"),
    ],
)
def test_a_bad_file_of_pairs_is_one_line(
    painted, generate: Callable[..., Path], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ResultError, match=message):
        Harness(PIXELS, pairs=tmp_path / "pairs.csv").evaluate(painted.folder, generate())


def test_what_was_adjusted_is_said(painted, generate: Callable[..., Path], tmp_path: Path) -> None:
    from lt_bench.media.video import read_frames, write_video

    folder = generate()
    frames = read_frames(folder / "ann_0.mp4")
    write_video(folder / "ann_0.mp4", frames.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)[:114], fps=50)
    result = Harness(PIXELS).evaluate(painted.folder, folder)
    notes = {clip.id: clip.adjusted for clip in result.clips}
    assert notes["ann_0"] == ("real: 60 to 57 frames", "generated: 50 to 25 fps", "generated: 128x128 to 64x64")
    assert notes["bob_0"] == ()
    save_csv(result, tmp_path / "r.csv")
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[0] == "system,clip,identity,frames,score,value,unit,better,reason,fault"
    assert len(lines) == 5


def test_the_store_stays_within_its_limit_and_forgets_the_oldest(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for number in range(5):
        store.put({"video": str(number)}, {"x": np.zeros(1000)})
        path = next(p for p in tmp_path.glob("??/*") if p.stat().st_mtime_ns > 2e18 or True)
        assert path.exists()
    for age, path in enumerate(sorted(tmp_path.glob("??/*"))):
        os.utime(path, (age, age))
    kept = {"video": "0"}
    store.get(kept, lambda: pytest.fail("kept"))  # used again, so it is the youngest
    half, young = path.with_name(".x.tmp.safetensors"), path.with_name(".y.tmp.safetensors")
    half.touch()
    young.touch()
    os.utime(half, (age, age))  # of a process that was killed long ago
    store.prune(2 * 8200)
    young.unlink()
    assert not half.exists()
    assert len(list(tmp_path.glob("??/*"))) == 2
    assert store.find(kept) is not None
    assert store.prune(0) > 0
    assert store.find(kept) is None


def test_a_shared_folder_is_read_and_never_written(tmp_path: Path) -> None:
    FeatureStore(tmp_path / "shared").put({"video": "a"}, {"x": np.arange(3)})
    store = FeatureStore(tmp_path / "own", shared=(tmp_path / "shared",))
    assert store.get({"video": "a"}, lambda: pytest.fail("it is there"))["x"].tolist() == [0, 1, 2]
    store.get({"video": "b"}, lambda: {"x": np.arange(2)})
    assert len(list((tmp_path / "shared").glob("??/*"))) == 1
    assert len(list((tmp_path / "own").glob("??/*"))) == 1


def test_features_beyond_the_budget_lie_in_files() -> None:
    clips = [ClipScores(str(i), collected={"fd": {"real": np.full(1000, i, float)}}) for i in range(4)]
    with SpilledFeatures(budget=16000) as spilled:
        kept = [spilled.keep(clip).collected["fd"] for clip in clips]
        assert [isinstance(features, SpilledArrays) for features in kept] == [False, False, True, True]
        assert [float(features["real"][0]) for features in kept] == [0, 1, 2, 3]
        path = kept[-1].path  # type: ignore[union-attr]
    assert not path.exists()


def test_the_hash_of_code_follows_imports_and_is_stable() -> None:
    psnr, ssim = (code_hash(f"lt_bench.evaluation.metrics.image.{name}") for name in ("psnr", "ssim"))
    assert psnr != ssim
    assert psnr == code_hash("lt_bench.evaluation.metrics.image.psnr")
    with pytest.raises(ValueError, match=r"lt_bench\.nowhere: expected a source file"):
        code_hash("lt_bench.nowhere")


def test_features_of_other_code_or_other_libraries_are_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"frames")
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.ones(3)}

    def look() -> None:
        tools = Tools(FeatureStore(tmp_path / "store"))
        VideoView(tmp_path / "a.mp4", list, "", 25.0, tools, False).features("k", compute)

    look()
    look()
    assert len(calls) == 1
    monkeypatch.setattr("lt_bench.evaluation.inputs.clip_context.code_hash", lambda module: f"{module} with torch 99")
    look()
    look()
    assert len(calls) == 2
