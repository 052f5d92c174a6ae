"""The Lightning trainer that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import FSDPStrategy

from lt_bench.config import RunConfig
from lt_bench.errors import ConfigError
from lt_bench.training.checkpoints import AtomicCheckpointIO

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}


def build_trainer(config: RunConfig, out: Path, callbacks: list[pl.Callback], loggers: Iterable[Logger]) -> pl.Trainer:
    """A trainer for ``config.train.steps`` optimiser steps.

    Raises:
        ConfigError: the hardware asked for is not there.
    """
    train = config.train
    arguments: dict[str, Any] = {
        "max_steps": train.steps,
        "max_epochs": -1,
        "accelerator": train.accelerator,
        "devices": train.devices,
        "num_nodes": train.nodes,
        "strategy": FSDPStrategy(state_dict_type="full") if train.strategy == "fsdp" else train.strategy,
        "precision": PRECISIONS[train.precision],
        "gradient_clip_val": train.gradient_clip or None,
        "gradient_clip_algorithm": "norm",
        "log_every_n_steps": max(1, train.log_every),
        "val_check_interval": train.validate_every or None,
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
        return pl.Trainer(**arguments)
    except (RuntimeError, ValueError) as error:  # Lightning's MisconfigurationException is a plain Exception
        raise ConfigError(f"train.accelerator, devices, nodes, strategy: {error}") from error
