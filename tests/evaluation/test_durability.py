"""A killed command goes on where it was, and a Ray cluster gives what one process gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lt_bench.evaluation.harness import Options, evaluate
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.media.video_writer import write_video

CLIPS = 12
PROTOCOL = """
id: pixels
version: 1
about: for tests
scores: [{name: psnr}, {name: ssim}, {name: sharpness}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``real`` and ``made`` with videos that take a moment to score, and a protocol."""
    rng = np.random.default_rng(0)
    for number in range(CLIPS):
        frames = rng.integers(0, 256, (50, 24, 24, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
        for side, crf in (("real", 12), ("made", 30)):
            write_video(tmp_path / side / f"{number:02}.mp4", frames, crf=crf, preset="ultrafast")
    (tmp_path / "pixels.yaml").write_text(PROTOCOL)
    return tmp_path


def command(folder: Path, store: str, out: str, *more: str) -> list[str]:
    places = ["--generated", str(folder / "made"), "--real", str(folder / "real"), "--store", str(folder / store)]
    words = ["evaluate", *places, "--protocol", str(folder / "pixels.yaml"), "--out", str(folder / out), *more]
    return [sys.executable, "-m", "lt_bench", *words]


def written(store: Path) -> dict[Path, int]:
    """Files of a store by inode: one that is written again becomes another file."""
    return {path: path.stat().st_ino for path in store.glob("??/*") if not path.name.startswith(".")}


def value_files(store: Path) -> list[Path]:
    """Files of values that are whole, two a pair."""
    return [path for path in written(store) if path.suffix == ".json"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_kill_9_loses_nothing_that_was_measured(folder: Path, workers: str) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    assert subprocess.run(command(folder, "apart", "whole.json"), **quiet).returncode == 0
    words = command(folder, "store", "resumed.json", "--workers", workers)
    child = subprocess.Popen(words, **quiet, start_new_session=True)
    while len(value_files(folder / "store")) < 4:  # values of two pairs or more
        assert child.poll() is None
        time.sleep(0.002)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (folder / "resumed.json").exists()
    before = written(folder / "store")
    assert 4 <= len(value_files(folder / "store")) < 2 * CLIPS
    assert subprocess.run(words, **quiet).returncode == 0
    after = written(folder / "store")
    half = {path for path in before if before[path] != after[path]}
    assert len(half) <= int(workers)  # the values of a pair that the kill came into; the rest is as it was
    whole, resumed = (json.loads((folder / name).read_text()) for name in ("whole.json", "resumed.json"))
    assert {**resumed, "git_commit": ""} == {**whole, "git_commit": ""}


@pytest.mark.slow
def test_a_ray_cluster_gives_what_one_process_gives(folder: Path) -> None:
    pytest.importorskip("ray")
    (folder / "made" / "03.mp4").write_bytes(b"no video")
    rules = Protocol(id="pixels", version=1, about="", scores=(ScoreSpec("psnr"), ScoreSpec("ssim")))
    one, many = (
        evaluate(folder / "made", folder / "real", rules, options=Options(store=folder / name, **how))
        for name, how in (("one", {}), ("many", {"engine": "ray", "workers": 2}))
    )
    assert many.scored == CLIPS - 1
    assert replace(many, git_commit=None) == replace(one, git_commit=None)
