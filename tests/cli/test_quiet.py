"""Every command, with and without workers: stderr holds nothing but the command's own lines.

Libraries complain there at start and at exit, where nothing fails and no other test looks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from lt_bench.media.video import read_frames
from lt_bench.media.video_writer import write_video

TINY = Path(__file__).resolve().parents[1] / "tiny_run.yaml"
ROOT = Path(__file__).resolve().parents[2]
PROGRESS = ("preparing ", "verifying ", "scoring ", "training ", "generating ")
OWN = ("lt-bench ", "rejected ", "score ", "2 steps in ", *PROGRESS)
"""Beginnings of the commands' own lines."""


def run(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> list[str]:
    """The lines on stderr of a command in a process of its own that are not the command's."""
    variables = {"PYTHONPATH": str(ROOT), "LT_BENCH_CACHE": str(folder / "store"), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "lt_bench", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    return [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(OWN)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_evaluate_and_prepare_say_nothing_of_their_libraries(mirror: Path, tmp_path: Path, workers: str):
    source = mirror / "grid-sample" / "sbia1a.mpg"
    frames = read_frames(source)[:30, :, 36:324]
    time = np.arange(30 * 640) / 16000
    voice = (0.2 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    for name in ("a", "b"):
        for folder in ("made", "real"):
            write_video(tmp_path / folder / f"{name}.mp4", frames, audio=voice, preset="ultrafast")
    protocol = {
        "id": "faces", "version": 1, "about": "for a test", "size": 128, "scores": [{"name": "lmd_lips"}],
    }  # fmt: skip
    (tmp_path / "faces.yaml").write_text(yaml.safe_dump(protocol))
    arguments = ("--generated", "made", "--real", "real", "--protocol", "faces.yaml", "--out", "result.json")
    assert run(tmp_path, "evaluate", *arguments, "--workers", workers) == []
    asked = ("quality.min_speech_share=0", "quality.max_offset=null", "quality.duplicates=keep")
    where = ("--out", f"cache{workers}", "--folder", "real", "--resolution", "32", "--workers", workers)
    assert run(tmp_path, "prepare", "folder", *where, *asked) == []


@pytest.mark.slow
def test_the_other_commands_say_nothing_of_their_libraries(tmp_path: Path):
    tiny = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    tiny["model"] |= {"preset": "s"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tiny))
    assert run(tmp_path, "train", "--config", "run.yaml", "--out", "run") == []
    inputs = ("--portrait", "none.png", "--audio", "none.wav", "--out", "o.mp4")
    assert run(tmp_path, "generate", "--checkpoint", "run/model.safetensors", *inputs, codes=(2,)) == []
    cells = [{"portrait": "direct", "audio": "direct"}]
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump({**tiny, "name": "g", "cells": cells, "seeds": [0], "out": "g"}))
    assert run(tmp_path, "ablate", "grid.yaml", codes=(0, 1)) == []
    assert run(tmp_path, "leaderboard", "build", "g", "--out", "page", codes=(0, 1, 2)) == []
    assert run(tmp_path, "cache", "verify", "cache") == []
    assert run(tmp_path, "model", "describe", codes=(0, 2)) == []
