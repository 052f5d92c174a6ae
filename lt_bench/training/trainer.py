"""The Lightning trainer of a configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.accelerators.cuda import CUDAAccelerator
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, Strategy

from lt_bench.config import RunConfig, TrainConfig
from lt_bench.errors import ConfigError
from lt_bench.training.callbacks.checkpoints import AtomicCheckpointIO
from lt_bench.training.hardware import Hardware, accelerator, check_precision, resolve

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}


def build_trainer(config: RunConfig, out: Path, callbacks: list[pl.Callback], loggers: Iterable[Logger]) -> pl.Trainer:
    """Build a trainer for ``config.train.steps`` optimizer steps.

    Raises:
        ConfigError: the requested hardware is not available, or does not match the processes that were started.
    """
    train = resolve(config.train, Hardware.of(config.train))
    check_launch(train, os.environ)
    arguments: dict[str, Any] = {
        "max_steps": train.steps,
        "max_epochs": -1,
        "accelerator": accelerator(train),
        "devices": train.devices,
        "num_nodes": train.nodes,
        "strategy": _strategy(train),
        "accumulate_grad_batches": train.accumulate,
        "deterministic": train.deterministic,
        "precision": PRECISIONS[train.precision],
        "log_every_n_steps": max(1, train.log_every),
        "val_check_interval": train.validate_every * train.accumulate or None,  # in micro-batches
        "check_val_every_n_epoch": None if train.validate_every else 1,
        "limit_val_batches": None if train.validate_every else 0,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,  # StepBatches shares the windows out
        "logger": list(loggers) or False,
        "callbacks": callbacks,
        "plugins": [AtomicCheckpointIO()],
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": out,
    }
    try:
        trainer = pl.Trainer(**arguments)
    except (RuntimeError, ValueError) as error:  # Lightning's MisconfigurationException is a plain Exception
        raise ConfigError(f"train.accelerator, devices, nodes, strategy: {error}") from error
    # Before each batch Lightning has the first process tell the others, through the GPU, whether it got SIGTERM; here
    # `Preemption` has taken that signal over.
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]
    check_precision(train, cuda=isinstance(trainer.accelerator, CUDAAccelerator))
    if trainer.world_size != train.devices * train.nodes:
        raise ConfigError(
            f"train.devices, nodes: expected {train.devices * train.nodes} processes, got {trainer.world_size}; "
            "in a Slurm job, start them with srun --ntasks-per-node=DEVICES"
        )
    return trainer


def _nothing() -> None:
    pass


def check_launch(train: TrainConfig, environment: Mapping[str, str]) -> None:
    """Refuse to train separate models in processes that were started to train one together.

    Raises:
        ConfigError: torchrun or srun started another number of processes than the configuration needs.
    """
    started = environment.get("WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in environment else None
    started = started or environment.get("SLURM_STEP_NUM_TASKS") or "1"
    if started not in ("1", str(train.devices * train.nodes)):
        raise ConfigError(
            f"train.devices, nodes: expected {started} devices in all, as many as processes were started, "
            f"got {train.devices} x {train.nodes}"
        )


def _strategy(train: TrainConfig) -> Strategy | str:
    world = train.devices * train.nodes
    if train.strategy == "fsdp":
        return ModelParallelStrategy(
            data_parallel_size=world, tensor_parallel_size=1, save_distributed_checkpoint=False
        )
    if train.strategy == "ddp" or world > 1:
        return DDPStrategy(gradient_as_bucket_view=True)
    return "auto"


@contextmanager
def deterministic_restored() -> Iterator[None]:
    """Restore process-wide settings that Lightning changes for deterministic training."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
