"""SIGTERM and Slurm's SIGUSR1: the step is finished and saved, and the same command goes on as if nothing had been."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.training.callbacks import preemption
from lt_bench.training.callbacks.preemption import Preempted
from lt_bench.training.run import train
from lt_bench.training.trainer import build_trainer

MakeRun = Callable[..., RunConfig]


class _Signal(pl.Callback):
    """Sends this process a signal while it computes step ``step`` (from 1)."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Any, loss: Any) -> None:
        if trainer.global_step == self.step - 1:
            os.kill(os.getpid(), self.number)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: t.numpy().tobytes() for name, t in load_file(folder / "model.safetensors").items()}


def test_a_run_told_to_stop_saves_its_step_and_goes_on_bit_for_bit(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    config = make_run(checkpoint_every=100, accumulate=2)
    handler = signal.getsignal(signal.SIGTERM)
    train(config, tmp_path / "whole", toy_cache, progress=False)
    with pytest.raises(Preempted) as stopped:
        train(config, tmp_path / "stopped", toy_cache, [_Signal(3, signal.SIGTERM)], progress=False)
    assert (stopped.value.step, stopped.value.code) == (3, 143)
    assert signal.getsignal(signal.SIGTERM) is handler
    outcome = train(config, tmp_path / "stopped", toy_cache, progress=False)
    assert outcome.resumed_from == 3
    assert _bytes(tmp_path / "stopped") == _bytes(tmp_path / "whole")
    assert (tmp_path / "stopped" / "metrics.csv").read_text().split("\n")[1].startswith("2,")


def test_a_run_told_to_stop_at_a_step_that_is_validated_keeps_that_point_of_its_curve(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    def losses(folder: Path) -> list[str]:
        return [line.split(",")[-1] for line in (folder / "metrics.csv").read_text().splitlines()]

    config = make_run(checkpoint_every=100, validate_every=2)
    train(config, tmp_path / "whole", toy_cache, progress=False)
    with pytest.raises(Preempted):
        train(config, tmp_path / "stopped", toy_cache, [_Signal(2, signal.SIGTERM)], progress=False)
    assert train(config, tmp_path / "stopped", toy_cache, progress=False).resumed_from == 2
    assert _bytes(tmp_path / "stopped") == _bytes(tmp_path / "whole")
    assert losses(tmp_path / "stopped") == losses(tmp_path / "whole")


def test_a_run_told_to_stop_in_its_last_step_just_ends(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    outcome = train(make_run(steps=2), tmp_path, toy_cache, [_Signal(2, signal.SIGTERM)], progress=False)
    assert outcome.model_file.exists()


@pytest.mark.parametrize(("array", "job"), [(False, "77"), (True, "70_3")])
def test_slurm_is_asked_to_start_the_job_again(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: bool, job: str
) -> None:
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", str(scontrol.parent), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    if array:
        monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "70")
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    with pytest.raises(Preempted):
        train(make_run(), tmp_path / "run", toy_cache, [_Signal(1, signal.SIGUSR1)], progress=False)
    assert (tmp_path / "asked").read_text() == f"requeue {job}\n"
    assert train(make_run(), tmp_path / "run", toy_cache, progress=False).resumed_from == 1


def test_several_processes_agree_about_once_a_second_not_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    clock = [0.0]
    told = {30}  # the step during which another process gets the signal

    def all_reduce(flags: torch.Tensor, op: Any) -> None:
        asked.append(trainer.global_step)
        if trainer.global_step >= min(told):
            flags[0] = 1

    monkeypatch.setattr(preemption.dist, "all_reduce", all_reduce)
    monkeypatch.setattr(preemption.time, "monotonic", lambda: clock[0])
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    trainer: Any = SimpleNamespace(world_size=2, global_step=0, max_steps=100, strategy=strategy)
    saved: list[int] = []
    watched = preemption.Preemption(lambda trainer: saved.append(trainer.global_step))
    monkeypatch.setattr(preemption.signal, "signal", lambda *_: None)
    watched.on_train_start(trainer, None)  # type: ignore[arg-type]

    def steps() -> None:
        for step in range(1, 100):
            trainer.global_step, clock[0] = step, clock[0] + 0.125
            watched.on_step_end(trainer, None)  # type: ignore[arg-type]

    with pytest.raises(Preempted):
        steps()
    assert asked == [1, 9, 17, 25, 33]
    assert saved == [33]


def test_lightning_still_has_the_broadcast_that_training_leaves_out(make_run: MakeRun, tmp_path: Path) -> None:
    from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

    assert hasattr(_TrainingEpochLoop, "_broadcast_sigterm_tensor")
    trainer = build_trainer(make_run(), tmp_path, [], [])
    assert "_broadcast_sigterm_tensor" in vars(trainer.fit_loop.epoch_loop)


class _CutInValidation(pl.Callback):
    def on_validation_batch_start(self, *_: Any) -> None:
        raise ConnectionAbortedError


def test_slurm_is_asked_before_a_validation_that_may_outlast_the_job(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("lt_bench.training.callbacks.preemption.requeue", lambda: asked.append("once"))
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    config = make_run(checkpoint_every=100, validate_every=2)
    callbacks = [_Signal(2, signal.SIGUSR1), _CutInValidation()]
    with pytest.raises(ConnectionAbortedError):
        train(config, tmp_path / "cut", toy_cache, callbacks, progress=False)
    assert asked == ["once"]
    assert train(config, tmp_path / "cut", toy_cache, progress=False).resumed_from == 2
    with pytest.raises(Preempted):
        train(config, tmp_path / "whole", toy_cache, [_Signal(2, signal.SIGUSR1)], progress=False)
    assert asked == ["once", "once"]
