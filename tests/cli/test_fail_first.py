"""What a later stage needs is checked before the first expensive one; nothing has been made when it is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lt_bench.cli.main import main
from lt_bench.config import RunConfig, TrainConfig
from lt_bench.errors import ConfigError
from lt_bench.jobs import prerequisites
from lt_bench.media.video_writer import write_video
from lt_bench.models import presets

RUN = yaml.safe_load((Path(__file__).resolve().parents[1] / "tiny_run.yaml").read_text(encoding="utf-8"))
TAEF2: dict[str, Any] = {**RUN, "data": {**RUN["data"], "codec": "taef2", "cache": "cache"}}


@pytest.fixture(autouse=True)
def _without_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "assets"))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(Path().iterdir())
    assert main(arguments) == 2
    made = [path for path in Path().iterdir() if path not in before]
    assert [path for folder in made for path in folder.rglob("*") if path.name != ".lock"] == []
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_grid_is_refused_before_its_cache_where_its_decoder_is_missing(capsys):
    cells = [{"portrait": "direct", "audio": "direct"}]
    Path("grid.yaml").write_text(yaml.safe_dump({**TAEF2, "name": "grid", "cells": cells, "seeds": [0], "out": "out"}))
    error = refused(["ablate", "grid.yaml"], capsys)
    assert "key 'data.codec': asset taef2_encoder.pth" in error
    assert "lt-bench assets get taef2_encoder.pth" in error


def test_a_search_is_refused_before_its_cache_where_its_decoder_is_missing(capsys):
    search = {
        **TAEF2,
        "name": "search",
        "out": "out",
        "trials": 1,
        "space": {"sampling.audio_scale": {"low": 0.0, "high": 4.0}},
        "objectives": [{"score": "lip_corr"}],
        "evaluation": {"split": "validation"},
    }
    Path("search.yaml").write_text(yaml.safe_dump(search))
    assert "key 'data.codec': asset taef2_encoder.pth" in refused(["search", "search.yaml"], capsys)


def test_preparing_is_refused_before_its_first_clip(capsys):
    error = refused(["prepare", "synthetic", "--out", "cache", "--codec", "taef2"], capsys)
    assert "key 'data.codec': asset taef2_encoder.pth" in error
    error = refused(["prepare", "synthetic", "--out", "cache", "--speech-encoder", "moonshine"], capsys)
    assert "key 'data.speech_encoder': asset moonshine" in error


def test_training_that_scores_on_the_way_is_refused_before_its_cache(capsys):
    Path("run.yaml").write_text(yaml.safe_dump(TAEF2))
    error = refused(["train", "--config", "run.yaml", "--out", "run", "evaluation.score_every=1"], capsys)
    assert "key 'data.codec': asset taef2_encoder.pth" in error


def test_training_without_the_gpus_it_asks_for_or_a_folder_to_write_to(capsys):
    Path("run.yaml").write_text(yaml.safe_dump(RUN))
    error = refused(["train", "--config", "run.yaml", "--out", "run", "train.accelerator=gpu"], capsys)
    assert "key 'train.accelerator': expected 1 GPUs on this machine, got 0 (CUDA_VISIBLE_DEVICES=''); use" in error
    error = refused(["train", "--config", "run.yaml", "--out", "run.yaml/run"], capsys)
    assert "run.yaml/run: expected a writable folder" in error


def test_training_in_a_launch_of_another_size_is_refused_before_its_cache(capsys, monkeypatch: pytest.MonkeyPatch):
    Path("run.yaml").write_text(yaml.safe_dump(RUN))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "4")
    error = refused(["train", "--config", "run.yaml", "--out", "run"], capsys)
    assert "train.devices, nodes: expected 4 devices in all" in error


def test_a_grid_is_refused_before_its_cache_where_its_device_lacks_the_precision(capsys):
    cells = [{"portrait": "direct", "audio": "direct"}]
    grid = {**RUN, "name": "grid", "cells": cells, "seeds": [0], "out": "out"}
    Path("grid.yaml").write_text(yaml.safe_dump(grid))
    error = refused(["ablate", "grid.yaml", "sampling.precision=tf32"], capsys)
    assert "sampling.precision: expected fp32 or bf16 on cpu, which has no TF32, got tf32" in error


@pytest.mark.parametrize(("gpus", "key"), [(0, "accelerator"), (1, "devices")])
def test_devices_are_counted_for_every_run_that_will_take_gpus(gpus: int, key: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prerequisites, "accelerator", lambda train: "cuda")
    monkeypatch.setattr(prerequisites, "visible_gpus", lambda accelerator: ("0",) * gpus)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,7")
    config = RunConfig(train=TrainConfig(accelerator="auto", devices=2))
    fewer = ", or train.devices=1" if gpus else ""
    told = f"'train.{key}': expected 2 GPUs on this machine, got {gpus} (CUDA_VISIBLE_DEVICES='0,7'); use "
    with pytest.raises(ConfigError, match=re.escape(f"{told}train.accelerator=cpu{fewer}")):
        prerequisites.check_device(config)


def test_validation_scores_that_will_be_missing_are_announced_when_training_begins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    scores = [{"name": "psnr"}, {"name": "identity_dlib"}]
    protocol = {"id": "two", "version": 1, "about": "for a test", "size": 32, "scores": scores}
    Path("two.yaml").write_text(yaml.safe_dump(protocol))
    Path("run.yaml").write_text(yaml.safe_dump(RUN))
    monkeypatch.setattr("data_prep.pipeline.default_workers", lambda: 1)
    seen: list[str] = []

    def stop(*_: object) -> None:
        seen.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.setattr("lt_bench.training.module.LetsTalkModule.training_step", stop)
    arguments = ["train", "--config", "run.yaml", "--out", "run", "--tracking", "off"]
    assert main([*arguments, "evaluation.score_every=2", "evaluation.protocol=two.yaml"]) == 130
    assert "score identity_dlib will be missing: asset" in seen[0]
    assert "score psnr" not in seen[0]


def test_scores_that_will_be_missing_are_announced_before_the_first_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    frames = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    for folder in ("made", "real"):
        write_video(Path(folder) / "a.mp4", frames, preset="ultrafast")
    seen: list[str] = []

    def stop(*_: object) -> None:
        seen.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.setattr("lt_bench.evaluation.harness.run", stop)
    arguments = ["evaluate", "--generated", "made", "--real", "real", "--protocol", "open-v1", "--workers", "1"]
    assert main(arguments) == 130
    assert "score identity_dlib will be missing: asset" in seen[0]
    assert "lt-bench assets get" in seen[0]
