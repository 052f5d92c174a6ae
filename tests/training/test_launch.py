"""What starts the processes of a training must start as many as its configuration asks for, and they end together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy

from lt_bench.config import RunConfig, TrainConfig
from lt_bench.data.cache import LatentCache
from lt_bench.errors import ConfigError
from lt_bench.training import hardware, run
from lt_bench.training.trainer import build_trainer, check_launch

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4"}
SRUN = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize("environment", [TORCHRUN, SRUN])
def test_four_processes_train_one_model_on_four_devices_and_nothing_else(environment: dict[str, str]) -> None:
    check_launch(TrainConfig(devices=2, nodes=2), environment)
    check_launch(TrainConfig(devices=4), environment)
    with pytest.raises(ConfigError, match=r"train\.devices, nodes: expected 4 devices in all, .*, got 1 x 1"):
        check_launch(TrainConfig(), environment)


def test_a_single_process_is_no_launch() -> None:
    check_launch(TrainConfig(), {})
    check_launch(TrainConfig(devices=8), {})  # Lightning starts the others
    check_launch(TrainConfig(devices=8), {"SLURM_STEP_NUM_TASKS": "1"})
    check_launch(TrainConfig(), {"WORLD_SIZE": "4"})  # left behind by something else


def test_a_slurm_job_that_starts_one_process_for_two_devices_is_refused(
    make_run: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_PROCID": "0"}
    for name, value in (job | {"SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NODELIST": "n1"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"train\.devices, nodes.*(expected 2 processes, got 1|ntasks-per-node)"):
        build_trainer(make_run(batch_size=4, devices=2, strategy="ddp"), tmp_path, [], [])


def test_apples_gpu_is_never_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [hardware.accelerator(TrainConfig(accelerator=name)) for name in ("auto", "gpu", "cpu")] == [  # type: ignore[arg-type]
        "cpu",
        "cuda",
        "cpu",
    ]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert hardware.accelerator(TrainConfig()) == "cuda"


def test_peak_memory_is_that_of_the_device_that_trained(
    toy_cache: LatentCache, make_run: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teardown, asked = SingleDeviceStrategy.teardown, []

    def leave(strategy: Any) -> None:
        teardown(strategy)  # takes the module off the device
        strategy._root_device = torch.device("meta")  # stands for a GPU

    monkeypatch.setattr(SingleDeviceStrategy, "teardown", leave)
    monkeypatch.setattr(run, "_peak_memory", lambda device: asked.append(device) or 1)
    run.train(make_run(steps=2), tmp_path, toy_cache, progress=False)
    assert asked == [torch.device("meta")]


FIRST = """
import os, subprocess, sys
from lt_bench.cli.commands.train import _ending_with_the_first
with _ending_with_the_first(True):
    other = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
    other.stdout.readline()
os._exit(1)
"""
EARLY = """
import time
from lt_bench.cli.commands.train import _ending_with_the_first
with _ending_with_the_first(False):
    print("ready", flush=True)
    time.sleep(600)
"""
LATE = """
import os, time
from lt_bench.cli.commands.train import _ending_with_the_first
first = os.getppid()
print("ready", flush=True)
while os.getppid() == first:
    time.sleep(0.05)
with _ending_with_the_first(False):
    time.sleep(600)
"""


@pytest.mark.parametrize("other", [EARLY, LATE], ids=["before", "after"])
def test_when_the_first_process_fails_those_it_started_end_too(other: str) -> None:
    """Whether they look at it before its end or, on a busy machine, only after."""
    # The other process has the same stderr, whose end is read when both have ended.
    subprocess.run([sys.executable, "-c", FIRST, other], stderr=subprocess.PIPE, timeout=300, check=False)
