"""The jobs of an experiment: one per cell and seed, with its folder and its complete configuration."""

from __future__ import annotations

import dataclasses
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.config import Cell, ExperimentConfig, FusionConfig, RunConfig, parse_config, to_dict
from lt_bench.errors import ConfigError
from lt_bench.jobs.folder import flat_config

CELLS = "cells"
MAX_NAME = 120
FIXED = ("train.seed", "sampling.seed", "data.cache", "evaluation.split", "evaluation.protocol", "evaluation.system")
"""Keys that all models of an experiment share, or that other keys decide."""
Setting = tuple[tuple[str, Any], ...]
"""Values of the axes other than the fusions: dotted key and value."""


@dataclass(frozen=True)
class Job:
    """One model of the grid, which one worker trains, generates from and scores."""

    cell: Cell
    setting: Setting
    seed: int
    folder: Path
    config: RunConfig

    @property
    def system(self) -> str:
        """Name of the row: ``portrait-audio``, with the settings if there are more axes."""
        return system_name(self.cell, self.setting)

    @property
    def name(self) -> str:
        """Name such as ``portrait-audio/seed0``."""
        return f"{self.system}/seed{self.seed}"


def plan_jobs(config: ExperimentConfig) -> tuple[Job, ...]:
    """Return the jobs of an experiment, seed by seed, so that a whole grid is complete as early as possible.

    Raises:
        ConfigError: an axis of ``grid`` is no key of a run, or a value does not fit it.
    """
    out = Path(config.out)
    return tuple(
        Job(cell, setting, seed, folder, job_config(config, cell, setting, seed))
        for seed in config.seeds
        for cell in config.cells
        for setting in settings_of(config)
        for folder in [out / CELLS / system_name(cell, setting) / f"seed{seed}"]
    )


def settings_of(config: ExperimentConfig) -> tuple[Setting, ...]:
    """Return every combination of the axes' values; one empty setting without axes."""
    return tuple(tuple(zip(config.grid, values, strict=True)) for values in itertools.product(*config.grid.values()))


def system_name(cell: Cell, setting: Setting) -> str:
    """Return a name for tables and folders: ``direct-direct``, or ``direct-direct,audio_scale=2.0``."""
    parts = [f"{key.rpartition('.')[2]}={value}" for key, value in setting]
    return re.sub(r"[^A-Za-z0-9=.,_+-]+", "_", ",".join([cell.name, *parts]))


def job_config(config: ExperimentConfig, cell: Cell, setting: Setting, seed: int) -> RunConfig:
    """Return the configuration of one cell, setting and seed.

    The seed decides the initial weights and the random draws of training, and shifts the noise that generation starts
    from, which the cells of one seed share.
    """
    run = RunConfig(
        data=config.data,
        model=dataclasses.replace(config.model, fusion=FusionConfig(cell.portrait, cell.audio)),
        diffusion=config.diffusion,
        train=dataclasses.replace(config.train, seed=seed),
        sampling=dataclasses.replace(config.sampling, seed=config.sampling.seed + seed),
        evaluation=config.evaluation,
    )
    if not setting:
        return run
    document = to_dict(run)
    for key, value in setting:
        _set(document, key, value)
    document["evaluation"]["system"] = system_name(cell, setting)
    return parse_config(RunConfig, document, f"{config.name}: grid")


def _set(document: dict[str, Any], key: str, value: Any) -> None:
    *parts, last = key.split(".")
    for part in parts:
        document = document.get(part, {})
    if last not in document:
        raise ConfigError(f"key 'grid': expected dotted keys of a run, such as sampling.steps, got '{key}'")
    document[last] = value


def check_experiment(config: ExperimentConfig, fusions: tuple[str, ...], source: str) -> None:
    """Refuse a grid that cannot be run, before anything is spent on it.

    Args:
        config: the experiment.
        fusions: names of the registered fusion schemes.
        source: name of the experiment in errors.

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
    if config.model.fusion != FusionConfig():
        raise ConfigError(
            f"{source}: key 'model.fusion': expected none, for the fusions of a grid are its cells, such as "
            f"cells=[{{portrait: {config.model.fusion.portrait}, audio: {config.model.fusion.audio}}}]"
        )
    _refuse_twice(source, "cells", [cell.name for cell in config.cells])
    _refuse_twice(source, "seeds", list(config.seeds))
    if min(config.seeds) < 0:
        raise ConfigError(f"{source}: key 'seeds': expected numbers from 0, got {min(config.seeds)}")
    _check_grid(config, source)
    flat = flat_config(to_dict(config))
    for key in ("max_parallel", "train.steps", "sampling.steps", "sampling.batch_size"):
        if flat[key] < 1:
            raise ConfigError(f"{source}: key '{key}': expected at least 1, got {flat[key]}")
    if flat["engine.retries"] < 0:
        raise ConfigError(f"{source}: key 'engine.retries': expected at least 0, got {flat['engine.retries']}")
    if flat["train.nodes"] != 1:
        raise ConfigError(
            f"{source}: key 'train.nodes': expected 1 in a grid, whose models run on a machine each, got "
            f"{flat['train.nodes']}; train one model over several with lt-bench train"
        )


def _check_grid(config: ExperimentConfig, source: str) -> None:
    for key, values in config.grid.items():
        if key.startswith("model.fusion.") or key in FIXED:
            raise ConfigError(f"{source}: key 'grid': expected axes beside cells, seeds and data, got '{key}'")
        if not values:
            raise ConfigError(f"{source}: key 'grid.{key}': expected at least one value, got none")
        _refuse_twice(source, f"grid.{key}", list(values))
    names = [key.rpartition(".")[2] for key in config.grid]
    _refuse_twice(source, "grid", names)  # the last part names the axis in tables
    longest = max(len(system_name(cell, s)) for cell in config.cells for s in settings_of(config))
    if longest > MAX_NAME:
        raise ConfigError(f"{source}: key 'grid': expected names of at most {MAX_NAME} characters, got {longest}")
    plan_jobs(config)  # a value that does not fit its key is found here


def _refuse_twice(source: str, key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{source}: key '{key}': expected each once, got '{value}' twice")
