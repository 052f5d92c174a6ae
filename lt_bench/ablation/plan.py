"""From an experiment to its jobs: one for each cell and seed, with its folder and its own complete configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.config import Cell, ExperimentConfig, FusionConfig, RunConfig, to_dict
from lt_bench.errors import ConfigError
from lt_bench.jobs.folder import flat_config

CELLS = "cells"


@dataclass(frozen=True)
class Job:
    """One model of the grid: trained, generated from and scored by one worker."""

    cell: Cell
    seed: int
    folder: Path
    config: RunConfig

    @property
    def name(self) -> str:
        """``portrait-audio/seed0``."""
        return f"{self.cell.name}/seed{self.seed}"


def plan_jobs(config: ExperimentConfig) -> tuple[Job, ...]:
    """The jobs of an experiment, seed by seed, so that a whole grid is seen as early as possible."""
    out = Path(config.out)
    return tuple(
        Job(cell, seed, out / CELLS / cell.name / f"seed{seed}", job_config(config, cell, seed))
        for seed in config.seeds
        for cell in config.cells
    )


def job_config(config: ExperimentConfig, cell: Cell, seed: int) -> RunConfig:
    """The run of one cell and seed.

    The seed decides the initial weights and the training draws, and shifts the noise that generation starts from, which
    cells of one seed share.
    """
    return RunConfig(
        data=config.data,
        model=dataclasses.replace(config.model, fusion=FusionConfig(cell.portrait, cell.audio)),
        diffusion=config.diffusion,
        train=dataclasses.replace(config.train, seed=seed),
        sampling=dataclasses.replace(config.sampling, seed=config.sampling.seed + seed),
        evaluation=config.evaluation,
    )


def check_experiment(config: ExperimentConfig, fusions: tuple[str, ...], source: str) -> None:
    """Refuse a grid that cannot be run, before anything is spent on it.

    Args:
        config: the experiment.
        fusions: names of the registered fusion schemes.
        source: names the experiment in errors.

    Raises:
        ConfigError: the first key that is wrong.
    """
    if not config.cells or not config.seeds:
        key = "seeds" if config.cells else "cells"
        raise ConfigError(f"{source}: key '{key}': expected at least one, got none")
    for number, cell in enumerate(config.cells):
        for modality in ("portrait", "audio"):
            name = getattr(cell, modality)
            if name not in fusions:
                raise ConfigError(
                    f"{source}: key 'cells.{number}.{modality}': expected one of {', '.join(fusions)}, got '{name}'"
                )
    _refuse_twice(source, "cells", [cell.name for cell in config.cells])
    _refuse_twice(source, "seeds", list(config.seeds))
    if min(config.seeds) < 0:
        raise ConfigError(f"{source}: key 'seeds': expected numbers from 0, got {min(config.seeds)}")
    flat = flat_config(to_dict(config))
    for key in ("max_parallel", "train.steps", "sampling.steps", "sampling.batch_size"):
        if flat[key] < 1:
            raise ConfigError(f"{source}: key '{key}': expected at least 1, got {flat[key]}")
    for key in ("train.devices", "train.nodes"):
        if flat[key] != 1:
            raise ConfigError(
                f"{source}: key '{key}': expected 1 in a grid, whose models are spread over the devices "
                f"(max_parallel), got {flat[key]}; train one model over several with lt-bench train"
            )


def _refuse_twice(source: str, key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{source}: key '{key}': expected each once, got '{value}' twice")
