"""Fake results: numbers drawn from a seed, that no system ever made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lt_bench.config import Cell, ExperimentConfig, FusionConfig, ModelConfig, RunConfig, to_yaml
from lt_bench.evaluation.results.result_file import Clip, Miss, ProtocolRef, RealSetRef, Result, Score, save_result
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.evaluation.statistics.cluster import cluster_bootstrap
from lt_bench.leaderboard.tables.boards import Board, build_boards
from lt_bench.leaderboard.tables.collect import Entry
from lt_bench.media.video_writer import write_video

CLIPS = tuple(Clip(f"fake{k:02d}_take0", f"fake{k:02d}", 75) for k in range(12))


def fake_score(name: str, level: float, seed: int, **changes: Any) -> Score:
    """A score whose videos scatter around ``level``."""
    rng = np.random.default_rng([seed, len(name), int(1000 * abs(level))])
    per_video = {clip.id: float(level + 0.04 * rng.standard_normal()) for clip in CLIPS}
    values = list(per_video.values())
    document: dict[str, Any] = {
        "name": name,
        "title": f"fake {name}, 64x64 px, frames 16 to 75",
        "unit": "",
        "higher_is_better": True,
        "target": None,
        "scope": "video",
        "aggregate": "mean",
        "source": "drawn from a seed",
        "detector": "",
        "value": float(np.mean(values)),
        "interval": cluster_bootstrap(values, [clip.identity for clip in CLIPS]),
        "scored": len(CLIPS),
        "per_video": per_video,
        "reference": None,
        "missing": None,
        "settings": {"protocol.width": 64},
    }
    whole = document | changes
    return Score(**whole, settings_hash=hash_of_settings(whole["settings"]))


def missing_score(name: str, reason: str) -> Score:
    """A score that could not be computed."""
    empty = {"value": None, "interval": None, "scored": 0, "per_video": {}, "missing": reason}
    return fake_score(name, 0.0, 0, **empty)


def fake_result(system: str = "symbiotic-direct", level: float = 0.8, seed: int = 0, **changes: Any) -> Result:
    """A result with scores of every kind around ``level``."""
    portrait, _, audio = system.partition("-")
    scores = [
        fake_score("lip_corr", level, seed),
        fake_score("lip_corr_shuffled", 0.05, seed),
        fake_score("psnr", 20 + level, seed, unit="dB"),
        fake_score("mouth_error", 1 - level, seed, higher_is_better=False),
        fake_score("head_motion", 0.9, seed, higher_is_better=None, target=1.0),
        missing_score("fd_squeezenet", "asset 'squeezenet1_1_caffe.safetensors' is absent"),
    ]
    document: dict[str, Any] = {
        "system": system,
        "protocol": ProtocolRef("fake-v1", 1, "f" * 64, 64, 64, 25.0, 16, ("frames are scored at 64x64 px",)),
        "real": RealSetRef("a" * 64, "synthetic", "test"),
        "clips": CLIPS,
        "misses": (),
        "scores": {score.name: score for score in scores},
        "seed": seed,
        "git_commit": "0123456789abcdef",
        "packages": {"torch": "0"},
        "cache_hash": "c" * 64,
        "meta": {
            "portrait": portrait,
            "audio": audio,
            "train_seconds": 150.0 + 10 * level,
            "seconds_per_video_second": 1.5 - level,
            "macs_per_video_second": 2.4e12 - 1e11 * level,
            "parameters": 2_400_000 + int(1e5 * level),
            "train_steps": 350,
        },
    }
    return Result(**(document | changes))


def measured(
    system: str, values: Sequence[float | None], seed: int = 0, name: str = "lip_corr", **changes: Any
) -> Result:
    """A result with one score of these values, a clip each; None where the clip was missed."""
    per_video = {clip.id: float(value) for clip, value in zip(CLIPS, values, strict=True) if value is not None}
    numbers = list(per_video.values())
    whole = {
        "per_video": per_video,
        "value": float(np.mean(numbers)),
        "scored": len(numbers),
        "interval": cluster_bootstrap(numbers, [i.partition("_")[0] for i in per_video]),
    }
    score = fake_score(name, 0.0, 0, **(whole | changes))
    misses = tuple(
        Miss(clip.id, name, "no face found", fault="generated") for clip in CLIPS if clip.id not in per_video
    )
    return fake_result(system, seed=seed, scores={name: score}, misses=misses)


def around(level: float, seed: int = 0) -> list[float]:
    """A value for each clip that scatters around ``level``."""
    return (level + 0.04 * np.random.default_rng([seed, int(1000 * level)]).standard_normal(len(CLIPS))).tolist()


def entry_of(result: Result, portrait: str = "", audio: str = "") -> Entry:
    """The result as it is collected."""
    source = Path(f"{result.system}-{result.seed}")
    return Entry(source, result.system, portrait, audio, result.seed, "done", "", result, None, None)


def board_of(*results: Result) -> Board:
    """The one table of these results; cells of a grid where ``meta`` names both fusions."""
    fusions = [(str(r.meta.get("portrait", "")), str(r.meta.get("audio", ""))) for r in results]
    (board,) = build_boards([entry_of(result, *fusion) for result, fusion in zip(results, fusions, strict=True)])
    return board


@pytest.fixture
def write_results(tmp_path: Path) -> Callable[..., list[Path]]:
    """Write fake results to files and return their paths."""

    def write(*results: Result) -> list[Path]:
        paths = [
            tmp_path / "results" / f"{k}-{result.system[:20].replace('/', '')}.json" for k, result in enumerate(results)
        ]
        for path, result in zip(paths, results, strict=True):
            save_result(result, path)
        return paths

    return write


@pytest.fixture
def fake() -> Callable[..., Result]:
    """Makes fake results."""
    return fake_result


@pytest.fixture
def failed_run(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes the folder of a run that failed."""

    def make(portrait: str, audio: str) -> Path:
        folder = tmp_path / "failed" / f"{portrait}-{audio}" / "seed0"
        folder.mkdir(parents=True)
        config = RunConfig(model=ModelConfig(fusion=FusionConfig(portrait, audio)))
        (folder / "config.yaml").write_text(to_yaml(config))
        (folder / "status.json").write_text(json.dumps({"state": "failed", "reason": "the disk is <full>"}))
        return folder

    return make


@pytest.fixture
def run_folder(fake, tmp_path: Path) -> Path:
    """A run as an ablation leaves it, with two of its clips as videos; fake but for the form."""
    root = tmp_path / "experiment"
    run = root / "run"
    config = RunConfig()
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, cache=str(root / "cache")))
    result = fake()
    save_result(result, run / "result.json")
    (run / "config.yaml").write_text(to_yaml(config))
    (run / "metrics.csv").write_text("step,loss\n10,0.9\n20,0.5\n30,0.4\n")
    rng = np.random.default_rng(0)
    for folder in (run / "videos", root / "cache" / "real" / "test"):
        for clip in result.clips[:2]:
            frames = rng.integers(0, 255, (10, 64, 64, 3), dtype=np.uint8)
            write_video(folder / f"{clip.id}.mp4", frames, 25, rng.uniform(-0.5, 0.5, 6400).astype(np.float32))
    assert ExperimentConfig(cells=(Cell("symbiotic", "direct"),)).cells[0].name == result.system
    return run
