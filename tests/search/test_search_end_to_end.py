"""``lt-bench search`` with real training, minimal: trials over two processes each, plots, and a YAML that trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lt_bench.cli.main import main

pytestmark = [
    pytest.mark.slow,
    # MLflow uses a loader of SQLAlchemy that is to go.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
]

SEARCH = """
name: minimal
out: {out}
trials: 2
space:
  train.learning_rate: {{low: 1.0e-4, high: 1.0e-2, log: true}}
  model.fusion.audio: {{choices: [direct, symbiotic]}}
objectives: [{{score: psnr}}]
data:
  cache: {cache}
  synthetic: {{train_speakers: 2, validation_speakers: 2, test_speakers: 1, train_frames: 24, test_frames: 45}}
model: {{preset: tiny, frames: 4, motion_frames: 1, audio_tokens: 2, audio_token_dim: 16, learn_sigma: false}}
diffusion: {{schedule: flow, prediction: sample, timesteps: logit_normal}}
train: {{steps: 4, batch_size: 2, ema_decay: 0.5, threads: 1, devices: 2, accelerator: cpu, strategy: ddp}}
sampling: {{sampler: flow_euler, steps: 1}}
evaluation: {{split: validation}}
"""


def test_a_search_whose_trials_train_on_two_processes(tmp_path: Path, capsys, monkeypatch) -> None:
    """One suggestion for all ranks: both read the trial's folder, or their networks would not fit together."""
    from mlflow import MlflowClient

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    path = tmp_path / "s.yaml"
    path.write_text(SEARCH.format(out=tmp_path / "out", cache=tmp_path / "cache"))
    assert main(["search", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["trials"]["complete"] == 2
    assert report["tracking_problem"] is None
    assert main(["search", str(path), "--json"]) == 0  # nothing is left to do
    assert json.loads(capsys.readouterr().out)["best"] == report["best"]

    client = MlflowClient(f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("minimal").experiment_id])
    names = {run.info.run_name: run for run in runs}
    assert set(names) == {"minimal", "trial 0", "trial 1"}
    for name in ("trial 0", "trial 1"):
        assert names[name].data.tags["mlflow.parentRunId"] == names["minimal"].info.run_id
        assert names[name].data.metrics["psnr"] > 0
    best = report["best"][0]["config"]
    command = ["train", "--config", best, "--out", str(tmp_path / "again"), "--tracking", "off", "train.devices=1"]
    assert main(command) == 0
