"""The loss curve on the embedded codec's latents stays the recorded one: twelve steps on rendered faces of 128 pixels.

A change that is meant to change numbers records the curve anew, and says so in its commit:
``python tests/training/test_golden_rendered.py`` (from the repository's folder).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from data_prep.pipeline import prepare
from lt_bench.config import ExperimentConfig, RunConfig, load_config, parse_config, to_dict
from lt_bench.files import write_json
from lt_bench.training.run import train

RECORD = Path(__file__).with_name("golden_rendered.json")
QUICKSTART = Path(__file__).parents[2] / "experiments" / "quickstart.yaml"
CHANGES = [
    "data.synthetic.train_speakers=3",
    "data.synthetic.train_frames=16",
    "data.synthetic.validation_speakers=1",
    "data.synthetic.test_speakers=1",
    "data.synthetic.test_frames=16",
    "data.synthetic.takes=1",
    "model.preset=micro",
    "train.steps=12",
    "train.batch_size=2",
    "train.warmup_steps=2",
    "train.checkpoint_every=12",
]
TOLERANCE = 1e-3
"""Relative; rendering, encoding and training each differ by rounding from machine to machine."""


class _Losses(pl.Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.values.append(float(pl_module.last_loss))


def curve(folder: Path) -> list[float]:
    """Losses of a run with the quickstart's data, codec and objective."""
    experiment = load_config(ExperimentConfig, QUICKSTART, [f"data.cache={folder / 'cache'}", *CHANGES])
    parts = {key: value for key, value in to_dict(experiment).items() if key in RunConfig.__dataclass_fields__}
    config = parse_config(RunConfig, parts)
    noted = _Losses()
    train(config, folder / "run", prepare(config.data, workers=1).cache, [noted], progress=False)
    return noted.values


def test_the_loss_curve_on_embedded_latents_is_the_recorded_one(tmp_path: Path) -> None:
    assert curve(tmp_path) == pytest.approx(json.loads(RECORD.read_text()), rel=TOLERANCE)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    sys.path.insert(0, str(Path.cwd()))
    with tempfile.TemporaryDirectory() as temporary:
        write_json(RECORD, curve(Path(temporary)))
