"""A refactor leaves the loss curve as it was: twelve steps of a tiny model against a recorded curve.

A change that is meant to change numbers (initial weights, draws, objective, optimiser) records the curve anew, and says
so in its commit: ``python tests/training/test_golden_curve.py`` (from the repository's folder).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.files import write_json
from lt_bench.training.run import train

RECORD = Path(__file__).with_name("golden_curve.json")
RUNS: dict[str, dict[str, Any]] = {
    "flow": {},
    "paper": {
        "model": {"learn_sigma": True, "fusion": {"portrait": "siamese", "audio": "direct"}},
        "diffusion": {"schedule": "linear", "prediction": "epsilon", "timesteps": "uniform", "mouth_weight": 1.0},
        "sampling": {"sampler": "ddim"},
    },
}
STEPS = {"steps": 12, "learning_rate": 3e-3, "batch_size": 4, "checkpoint_every": 12, "motion_noise": 0.1}
MakeRun = Callable[..., RunConfig]


class _Curve(pl.Callback):
    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {"loss": [], "grad_norm": []}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.values["loss"].append(float(pl_module.last_loss))
        self.values["grad_norm"].append(pl_module.grad_norm)


def curve(config: RunConfig, cache: LatentCache, out: Path) -> dict[str, list[float]]:
    """Loss and gradient norm of every step."""
    noted = _Curve()
    train(config, out, cache, [noted], progress=False)
    return noted.values


@pytest.mark.parametrize("name", RUNS)
def test_the_loss_curve_is_the_recorded_one(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    got = curve(make_run(**STEPS, **RUNS[name]), toy_cache, tmp_path)
    for key, expected in json.loads(RECORD.read_text())[name].items():
        assert got[key] == pytest.approx(expected, rel=2e-5), key


def record() -> None:
    """Write the curves of the code as it is."""
    import conftest as toys
    import torch

    torch.set_num_threads(1)
    toys.presets.PRESETS["tiny"] = toys.TINY
    with tempfile.TemporaryDirectory() as folder:
        cache = toys.make_cache(Path(folder) / "cache")
        write_json(
            RECORD,
            {name: curve(toys.run_config(**STEPS, **run), cache, Path(folder) / name) for name, run in RUNS.items()},
        )


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path.cwd())]
    record()
