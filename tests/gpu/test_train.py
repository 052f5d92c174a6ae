"""``train`` on the pretended GPU: the curve of the CPU, and a steady state that never waits for the GPU."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from lt_bench.data.cache import LatentCache
from lt_bench.errors import TrainingError
from lt_bench.models import presets
from lt_bench.training import datamodule
from lt_bench.training.callbacks import checkpoints
from lt_bench.training.run import train
from tests.support.pretended_gpu import Event, PretendedGpu, to_host
from tests.training.conftest import TINY, make_cache, run_config

KEYS: dict[str, Any] = {"steps": 8, "log_every": 4, "batch_size": 4, "accumulate": 2, "checkpoint_every": 8}


@pytest.fixture(autouse=True)
def _smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return make_cache(tmp_path / "cache")


@pytest.fixture
def pinned(gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each loader pins its batches, which the pretended GPU cannot; and checkpoints of host tensors."""
    asked: list[bool] = []

    class Loader(datamodule.DataLoader):
        def __init__(self, *args: Any, pin_memory: bool, **kwargs: Any) -> None:
            asked.append(pin_memory)
            super().__init__(*args, **kwargs)

    save = checkpoints.AtomicCheckpointIO.save_checkpoint
    monkeypatch.setattr(datamodule, "DataLoader", Loader)
    monkeypatch.setattr(
        checkpoints.AtomicCheckpointIO,
        "save_checkpoint",
        lambda self, checkpoint, path, storage_options=None: save(self, to_host(checkpoint), path),
    )
    monkeypatch.setattr("lightning.fabric.accelerators.cuda.num_cuda_devices", lambda: 1)
    return asked


class _Watch(pl.Callback):
    """Notes the synchronizations of each step, from the end of the step before."""

    def __init__(self, gpu: PretendedGpu) -> None:
        self.gpu, self._step = gpu, 0
        self.syncs: dict[int, list[Event]] = {}

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step != self._step:
            self._step = trainer.global_step
            self.syncs[self._step] = self.gpu.syncs
            self.gpu.reset()


def curve(folder: Path) -> list[list[float]]:
    with (folder / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [[float(row[key]) for key in ("step", "loss", "learning_rate", "grad_norm")] for row in rows]


def test_the_curve_is_the_cpus_and_only_logging_waits_for_the_gpu(
    cache: LatentCache, gpu: PretendedGpu, pinned: list[bool], tmp_path: Path
) -> None:
    train(run_config(**KEYS, accelerator="cpu"), tmp_path / "cpu", cache, progress=False)
    assert pinned == [False]
    watch = _Watch(gpu)
    train(run_config(**KEYS, accelerator="gpu"), tmp_path / "gpu", cache, [watch])  # with its progress bar
    assert pinned == [False, True]
    for expected, got in zip(curve(tmp_path / "cpu"), curve(tmp_path / "gpu"), strict=True):
        assert got == pytest.approx(expected, rel=1e-4)
    steady = [event for step in (2, 3, 5, 6, 7) for event in watch.syncs[step]]
    assert steady == []
    assert 0 < len(watch.syncs[4]) <= 4  # loss, norm and whether a step failed


def test_a_failed_step_is_named_at_the_next_logging_step(
    cache: LatentCache, gpu: PretendedGpu, pinned: list[bool], tmp_path: Path
) -> None:
    class Spoil(pl.Callback):
        def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: Any) -> None:
            if trainer.global_step == 1:
                next(p for p in pl_module.parameters() if p.grad is not None).grad.mul_(float("nan"))

    with pytest.raises(TrainingError, match="training step 1: expected a finite gradient"):
        train(run_config(**KEYS, accelerator="gpu"), tmp_path / "gpu", cache, [Spoil()], progress=False)
    assert not (tmp_path / "gpu" / "metrics.csv").exists()
