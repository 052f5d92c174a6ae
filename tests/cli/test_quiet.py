"""Every command, with and without workers: stderr holds nothing but the command's own lines.

Libraries complain there at start and at exit, where nothing fails and no other test looks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from lt_bench.cli.main import VERBS
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video import read_frames
from lt_bench.media.video_writer import write_video
from tests.cli.commands.test_import_checkpoint import DEPTH, DIM, document

ROOT = Path(__file__).resolve().parents[2]
TINY: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "tiny_run.yaml").read_text(encoding="utf-8"))
DATA = {**TINY["data"], "synthetic": {**TINY["data"]["synthetic"], "test_speakers": 2}}
RUN = {**TINY, "data": DATA, "model": {**TINY["model"], "preset": "micro"}}
"""Two speakers are tested, for ``sensitivity`` shows one the other's face."""
PIXELS = {
    "id": "pixels", "version": 1, "about": "for a test", "size": 32, "min_frames": 8, "scores": [{"name": "ssim"}]
}  # fmt: skip
"""The real videos are scored against themselves, for which PSNR is infinite."""
FACES = {"id": "faces", "version": 1, "about": "for a test", "size": 128, "scores": [{"name": "lmd_lips"}]}
FRAMES = 55
"""Of the generated video: more than two seconds, which ``drift`` needs."""

GRID = ("direct", "siamese")
"""Fusions of the portrait in the grid's two cells."""
PHASES = ("preparing ", "looking at ", "damaging ", "timing ", "verifying ", "scoring ", "train ")
PHASES += ("generating ", "measuring ")
JOBS = ("0/2 done", "1/2 done", "2/2 done", "trial ", *(f"{name}-direct" for name in GRID))
OWN = ("lt-bench ", "rejected ", "score ", "cpu: ", "2 steps in ", "4 steps in ", *PHASES, *JOBS)
"""Beginnings of the commands' own lines."""

MODEL = "run/model.safetensors"
REAL, MADE = "cache/real/test", "cache/real/test"
CASES: dict[str, tuple[str, ...]] = {
    "train again": ("train", "--config", "run.yaml", "--out", "run"),
    "train longer": ("train", "--config", "run.yaml", "--out", "longer", "train.steps=4"),
    "train with scores": ("train", "--config", "scored.yaml", "--out", "scored"),
    "generate": ("generate", "--checkpoint", MODEL, "--portrait", "p.png", "--audio", "v.wav", "--out", "again.mp4"),
    "generate nothing": ("generate", "--checkpoint", MODEL, "--portrait", "0", "--audio", "v.wav", "--out", "0.mp4"),
    "cache info": ("cache", "info", "cache"),
    "cache verify": ("cache", "verify", "cache"),
    "cache check-leaks": ("cache", "check-leaks", "cache", "--no-faces"),
    "cache statistics": ("cache", "statistics", "cache", "--protocol", "pixels.yaml", "--workers", "1"),
    "cache statistics, 2": ("cache", "statistics", "cache", "--protocol", "pixels.yaml", "--workers", "2"),
    "export-inputs": ("export-inputs", "cache", "--out", "inputs"),
    "evaluate": ("evaluate", "--generated", MADE, "--real", REAL, "--protocol", "pixels.yaml", "--store", "s1"),
    "evaluate, 2": (
        "evaluate", "--generated", MADE, "--real", REAL, "--protocol", "pixels.yaml", "--store", "s2", "--workers", "2"
    ),
    "compare": ("compare", "a.json", "b.json"),
    "agreement": ("agreement", "a.json", "b.json", "--ratings", "ratings.csv"),
    "leaderboard": ("leaderboard", "a.json", "b.json", "--out", "page", "--real", REAL),
    "leaderboard submit": ("leaderboard", "submit", "a.json", "--out", "pack.zip"),
    "leaderboard check": ("leaderboard", "check", "pack.zip"),
    "sensitivity": ("sensitivity", "--real", REAL, "--protocol", "pixels.yaml", "--out", "seen", "--clips", "1"),
    "drift": ("drift", "o.mp4", "--out", "drift", "--identity", "none"),
    "model": ("model", "describe", "micro"),
    "register": ("register", "run", "--name", "quiet"),
    "assets list": ("assets", "list"),
    "assets verify": ("assets", "verify"),
    "ablate": ("ablate", "grid.yaml", "--out", "g1", "--max-parallel", "1"),
    "ablate, 2": ("ablate", "grid.yaml", "--out", "g2", "--max-parallel", "2"),
    "ablate plan": ("ablate", "grid.yaml", "--out", "g3", "--dry-run"),
    "search": ("search", "search.yaml", "--out", "s1", "workers=1"),
    "search, 2": ("search", "search.yaml", "--out", "s2", "workers=2"),
    "import-checkpoint": ("import-checkpoint", "letstalk", "their.ckpt", "--out", "theirs.safetensors"),
    "prepare": ("prepare", "synthetic", "--out", "new1", "--resolution", "32", "--workers", "1"),
    "prepare, 2": ("prepare", "synthetic", "--out", "new2", "--resolution", "32", "--workers", "2"),
    "doctor": ("doctor",),
}  # fmt: skip
"""Commands without assets; those of one name but for a number run with and without workers."""
CODES = {"generate nothing": (2,), "leaderboard check": (1,), "sensitivity": (0, 1), "doctor": (0, 1)}
"""Expected exit codes other than 0; a protocol of one's own is none that a leaderboard takes."""
SMALL_DATA = tuple(f"synthetic.{key}={value}" for key, value in TINY["data"]["synthetic"].items())
SETUP = {
    "import-checkpoint": f"from lt_bench.models import presets as p; p.PRESETS['S'] = p.Size({DEPTH}, {DIM}, heads=4)"
}
"""Python that is run before a command."""


def strange_lines(folder: Path, *arguments: str, codes: Sequence[int] = (0,), setup: str = "") -> list[str]:
    """The lines on stderr of a command in a process of its own that are not the command's."""
    variables = {
        "PYTHONPATH": str(ROOT),
        "LT_BENCH_CACHE": str(folder / "store"),
        "XDG_CACHE_HOME": str(folder / "user"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    program = ["-c", f"{setup}\nimport runpy; runpy.run_module('lt_bench', run_name='__main__')"]
    done = subprocess.run(
        [sys.executable, *(program if setup else ["-m", "lt_bench"]), *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(OWN)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model, its cache, and what the commands need of each other."""
    folder = tmp_path_factory.mktemp("quiet")
    cells = [{"portrait": name, "audio": "direct"} for name in GRID]
    search = {"name": "s", "out": "s", "trials": 2, "objectives": [{"score": "ssim"}]}
    search |= {"space": {"train.learning_rate": {"low": 1e-4, "high": 1e-3}}}
    documents = {
        "run": RUN,
        "scored": {**RUN, "evaluation": {"protocol": "pixels.yaml", "score_every": 1, "score_clips": 1}},
        "grid": {
            **RUN, "name": "g", "cells": cells, "seeds": [0], "out": "g", "evaluation": {"protocol": "pixels.yaml"}
        },
        "search": {**RUN, **search, "evaluation": {"split": "validation", "protocol": "pixels.yaml"}},
        "pixels": PIXELS,
        "faces": FACES,
    }  # fmt: skip
    for name, content in documents.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    rng = np.random.default_rng(0)
    write_png(folder / "p.png", rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    write_wav(folder / "v.wav", (0.1 * rng.normal(size=640 * FRAMES)).clip(-1, 1).astype(np.float32))
    torch.save(document(), folder / "their.ckpt")
    assert strange_lines(folder, "train", "--config", "run.yaml", "--out", "run") == []
    shutil.copytree(folder / "run", folder / "longer")
    inputs = ("--portrait", "p.png", "--audio", "v.wav", "--out", "o.mp4")
    assert strange_lines(folder, "generate", "--checkpoint", MODEL, *inputs) == []
    options = ("--protocol", "pixels.yaml", "--out", "a.json", "--system", "a")
    assert strange_lines(folder, "evaluate", "--generated", MADE, "--real", REAL, *options) == []
    other = json.loads((folder / "a.json").read_text(encoding="utf-8")) | {"system": "b"}
    (folder / "b.json").write_text(json.dumps(other), encoding="utf-8")
    rows = [f"{system},{clip['id']},{n}" for system in "ab" for n, clip in enumerate(other["clips"])]
    (folder / "ratings.csv").write_text("\n".join(["system,clip,rating", *rows]), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_command_says_nothing_of_its_libraries(folder: Path, name: str) -> None:
    arguments = (*CASES[name], *(SMALL_DATA if CASES[name][0] == "prepare" else ()))
    assert strange_lines(folder, *arguments, codes=CODES.get(name, (0,)), setup=SETUP.get(name, "")) == []


def test_every_command_is_run() -> None:
    assert {arguments[0] for arguments in CASES.values()} == set(VERBS)
    for verb in ("prepare", "evaluate", "ablate", "search", "cache statistics"):
        assert {verb, f"{verb}, 2"} <= set(CASES)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two filmed clips, as generated and as real."""
    mirror = ROOT.parent / "shared" / "assets"
    if not (mirror / "MANIFEST.json").is_file():
        pytest.skip("the folder of pinned assets (LT_BENCH_MIRROR) is absent")
    folder = tmp_path_factory.mktemp("faces")
    frames = read_frames(mirror / "grid-sample" / "sbia1a.mpg")[:30, :, 36:324]
    voice = (0.2 * np.sin(2 * np.pi * 200 * np.arange(30 * 640) / 16000)).astype(np.float32)
    for name in ("a", "b"):
        for where in ("made", "real"):
            write_video(folder / where / f"{name}.mp4", frames, audio=voice, preset="ultrafast")
    write_png(folder / "face.png", frames[0])
    (folder / "faces.yaml").write_text(yaml.safe_dump(FACES), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("verb", ["evaluate", "prepare", "cache"])
def test_detectors_in_native_code_say_nothing_of_theirs(faces: Path, mirror: Path, verb: str, workers: str) -> None:
    asked = ("quality.min_speech_share=0", "quality.max_offset=null", "quality.duplicates=keep")
    prepare = ("prepare", "folder", "--out", f"cache{workers}", "--folder", "real", "--resolution", "32", *asked)
    scored = ("--generated", "made", "--real", "real", "--protocol", "faces.yaml", "--store", f"store{workers}")
    commands = {
        "evaluate": ("evaluate", *scored, "--workers", workers),
        "prepare": (*prepare, "--workers", workers),
        "cache": ("cache", "check-leaks", f"cache{workers}"),
    }
    assert strange_lines(faces, *commands[verb], codes=(0, 1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["drift", "doctor"])
def test_networks_on_a_face_say_nothing_of_theirs(faces: Path, mirror: Path, verb: str) -> None:
    commands = {"drift": ("drift", "long.mp4", "--out", "drift"), "doctor": ("doctor",)}
    write_video(faces / "long.mp4", np.concatenate([read_frames(faces / "real" / "a.mp4")] * 2), preset="ultrafast")
    assert strange_lines(faces, *commands[verb], codes=(0, 1)) == []
