"""The main job from nothing to the leaderboard, minimal: what it leaves, what fails, and what a second call does."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lt_bench.ablation import finished_grid as finished
from lt_bench.cli.commands.ablate import command as ablate_verb
from lt_bench.cli.main import main
from lt_bench.media.video import probe_video

# MLflow uses a loader of SQLAlchemy that is to go.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

EXPERIMENT = """
name: minimal
out: {out}
cells: [{{portrait: symbiotic, audio: direct}}, {{portrait: direct, audio: symbiotic}}]
max_parallel: 2
data:
  cache: {cache}
  resolution: 64
  synthetic: {{train_speakers: 2, validation_speakers: 1, test_speakers: 2, train_frames: 24, test_frames: 45}}
model:
  {{preset: tiny, patch_size: 1, frames: 4, motion_frames: 1, audio_tokens: 2, audio_token_dim: 16, learn_sigma: false}}
diffusion: {{schedule: flow, prediction: sample, timesteps: logit_normal}}
train: {{steps: 6, batch_size: 1, learning_rate: 1.0e-3, ema_decay: 0.5, threads: 1, checkpoint_every: 2, log_every: 2}}
sampling: {{sampler: flow_euler, steps: 1}}
evaluation: {{samples: 1}}
"""
GOOD, BAD = "symbiotic-direct", "direct-symbiotic"


def write_experiment(folder: Path) -> Path:
    path = folder / "minimal.yaml"
    path.write_text(EXPERIMENT.format(out=folder / "out", cache=folder / "cache"))
    return path


def ablate(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["ablate", str(path), "--json", *more])
    said = capsys.readouterr()
    assert said.out, said.err
    return code, json.loads(said.out)


def lines(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "out" / "leaderboard" / "leaderboard.csv").open(newline="") as stream:
        return {line["system"]: line for line in csv.DictReader(stream)}


def mlflow_runs(folder: Path) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'out' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("minimal").experiment_id])
    assert len(runs) == len({run.info.run_name for run in runs})
    return {run.info.run_name: run for run in runs}


@pytest.mark.slow
def test_a_dry_run_measures_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    code, plan = ablate(write_experiment(tmp_path), capsys, "--dry-run")
    assert (code, [cell["state"] for cell in plan["cells"]]) == (0, ["pending"] * 2)
    assert not (tmp_path / "out").exists()


def test_ablate(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    path = write_experiment(tmp_path)
    good, bad = (tmp_path / "out" / "cells" / name / "seed0" for name in (GOOD, BAD))

    # One cell cannot run: a damaged checkpoint lies in its folder. It is a row with its reason, and the other goes on.
    (bad / "checkpoints").mkdir(parents=True)
    (bad / "checkpoints" / "last.ckpt").write_bytes(b"no checkpoint")
    code, report = ablate(path, capsys)
    assert code == 1
    assert {cell["portrait"]: cell["state"] for cell in report["cells"]} == {"symbiotic": "done", "direct": "failed"}
    row = lines(tmp_path)[BAD]
    assert row["state"] == "failed"
    assert "last.ckpt" in row["reason"]
    assert row["lip_corr"] == ""
    check_good_cell(tmp_path, good)
    assert mlflow_runs(tmp_path)[f"{BAD}/seed0"].info.status == "FAILED"

    # Mended, the same command does what is left and nothing twice.
    (bad / "checkpoints" / "last.ckpt").unlink()
    before = (good / "result.json").stat().st_mtime_ns
    code, report = ablate(path, capsys)
    assert code == 0
    assert report["tracking_problem"] is None
    assert (good / "result.json").stat().st_mtime_ns == before
    assert {line["state"] for line in lines(tmp_path).values()} == {"done"}
    check_tracking(tmp_path)

    # Once more, though of other code, there is nothing to do: every cell is looked at.
    monkeypatch.setattr(finished, "code_sha256", lambda: "other")
    logs = [(folder / "log.txt").read_text() for folder in (good, bad)]
    assert ablate(path, capsys)[0] == 0
    assert [(folder / "log.txt").read_text() for folder in (good, bad)] == logs

    # Of the same code the files say what the command said: it says so again.
    said = [ablate(path, capsys) for _ in range(2)]
    assert said[0] == said[1]
    assert (tmp_path / "out" / "finished.json").is_file()
    monkeypatch.setattr(ablate_verb, "_run_grid", not_again)
    assert ablate(path, capsys) == said[0]
    assert main(["ablate", str(path)]) == 0
    assert GOOD in capsys.readouterr().out
    monkeypatch.undo()

    # Another configuration in the same folder is refused, naming the key.
    assert main(["ablate", str(path), "train.steps=7"]) == 2
    message = capsys.readouterr().err
    assert "train.steps" in message
    assert len(message.splitlines()) == 1


def not_again(*_):
    raise AssertionError("nothing was left to do")


def check_good_cell(root: Path, folder: Path) -> None:
    row = lines(root)[GOOD]
    assert (row["portrait"], row["audio"], row["seeds"], row["state"]) == ("symbiotic", "direct", "0", "done")
    assert -1 <= float(row["lip_corr"]) <= 1
    assert -1 <= float(row["lip_corr_shuffled"]) <= 1
    assert float(row["psnr"]) > 0
    assert float(row["train_seconds"]) > 0
    assert float(row["seconds_per_video_second"]) > 0
    assert int(row["parameters"]) > 1000
    assert row["clips_scored"] == row["clips_given"] == "2"
    videos = [probe_video(video) for video in sorted((folder / "videos").glob("*.mp4"))]
    assert [(v.frames, v.width, v.fps, v.has_audio) for v in videos] == [(45, 64, 25.0, True)] * 2
    assert (folder / "model.safetensors").is_file()
    page = (root / "out" / "leaderboard" / "index.html").read_text()
    assert page.count("data-video=") == 2  # the real clip and the one cell that has videos
    assert "synthetic data" in page


def check_tracking(root: Path) -> None:
    runs = mlflow_runs(root)
    assert set(runs) == {"minimal", f"{GOOD}/seed0", f"{BAD}/seed0"}
    for name in (GOOD, BAD):
        run = runs[f"{name}/seed0"]
        assert run.data.tags["mlflow.parentRunId"] == runs["minimal"].info.run_id
        assert run.info.status == "FINISHED"
        assert run.data.params["model.fusion.portrait"] == name.partition("-")[0]
        assert run.data.metrics["lip_corr"] == float(lines(root)[name]["lip_corr"])
        assert "train/loss" in run.data.metrics
    kept = {path.name for path in (root / "out" / "mlartifacts").rglob("*") if path.is_file()}
    assert {"config.yaml", "result.json", "leaderboard.csv", "index.html"} <= kept
    assert any(name.endswith(".mp4") for name in kept)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cells=[{portrait: telepathy, audio: direct}]", "telepathy"),
        ("evaluation.protocol=none-v1", "none-v1"),
        ("train.stepz=3", "did you mean 'steps'"),
        ("train.steps=many", "train.steps"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(override, words, tmp_path, capsys):
    assert main(["ablate", str(write_experiment(tmp_path)), override]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert len(message.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["minimal.yaml"]


@pytest.mark.slow
def test_a_killed_ablation_goes_on_from_its_checkpoints(tmp_path, monkeypatch):
    """Killed with SIGKILL while training; the second call trains the steps that are left, and those only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    command = [sys.executable, "-m", "lt_bench", "ablate", str(write_experiment(tmp_path)), "train.steps=60"]
    folders = [tmp_path / "out" / "cells" / name / "seed0" for name in (GOOD, BAD)]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while not all((folder / "checkpoints" / "last.ckpt").exists() for folder in folders):
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    steps = [int((f / "metrics.csv").read_text().splitlines()[-1].split(",")[0]) for f in folders]
    assert any(step < 60 for step in steps)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert {line["state"] for line in lines(tmp_path).values()} == {"done"}
    for folder in folders:
        column = [int(line.split(",")[0]) for line in (folder / "metrics.csv").read_text().splitlines()[1:]]
        assert column == list(range(2, 61, 2))  # every step once
        assert (folder / "log.txt").read_text().count("training:") == 1
