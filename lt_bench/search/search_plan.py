"""The plan of a search, checked before anything is spent on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution

from lt_bench.config import RunConfig, SearchConfig, to_dict
from lt_bench.config.free_keys import FREE_KEYS
from lt_bench.errors import ConfigError
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.files import sha256_file
from lt_bench.jobs.folder import flat_config
from lt_bench.models.checkpoint import read_card
from lt_bench.search.space import distributions
from lt_bench.search.trial_objective import Objective, build_objectives

SPLIT = "validation"
TRIALS = "trials"
FIXED_SECTIONS = ("data", "evaluation")
"""Sections that no search changes, because trials would not be comparable."""
LEAST = {
    "trials": 1,
    "workers": 1,
    "heartbeat": 1,
    "retries": 0,
    "sampler.startup_trials": 0,
    "sampler.candidates": 1,
    "sampler.population": 2,
    "pruner.startup_trials": 0,
    "pruner.warmup_steps": 0,
    "pruner.min_resource": 1,
    "pruner.reduction_factor": 2,
}
"""Minimum of each number."""
LOSS_KEYS = (
    "model.frames",
    "model.motion_frames",
    "model.learn_sigma",
    "train.portrait_dropout",
    "train.audio_dropout",
    "train.motion_dropout",
    "train.motion_noise",
    "train.motion_timesteps",
    "train.motion_mask",
    "train.reference",
    "train.seed",
)
"""Keys that change the validation loss directly, as all of ``diffusion`` do: it is computed as in training."""


@dataclass(frozen=True)
class SearchPlan:
    """A search that can be run."""

    config: SearchConfig
    base: RunConfig
    """Configuration that all trials share; that of the checkpoint if there is one."""
    space: Mapping[str, BaseDistribution]
    objectives: tuple[Objective, ...]
    protocol_hash: str

    @property
    def out(self) -> Path:
        """Folder of the search."""
        return Path(self.config.out)

    @property
    def checkpoint(self) -> Path | None:
        """Model that every trial scores; None if each trial trains its own."""
        return Path(self.config.checkpoint) if self.config.checkpoint else None

    def folder(self, place: int) -> Path:
        """Return the folder of a trial, the same for every attempt at it."""
        return self.out / TRIALS / f"{place:04d}"

    def facts(self, cache_hash: str) -> dict[str, Any]:
        """Return the facts that identify this study."""
        document = to_dict(self.config)
        own = {key: document[key] for key in ("space", "objectives", "sampler", "pruner")}
        run = {k: v for k, v in flat_config(to_dict(self.base)).items() if k not in FREE_KEYS}
        checkpoint = sha256_file(self.checkpoint) if self.checkpoint else ""
        return {
            **flat_config(own),
            **run,
            "protocol": self.protocol_hash,
            "cache": cache_hash,
            "checkpoint": checkpoint,
        }


def plan_search(config: SearchConfig, source: str) -> SearchPlan:
    """Check a search.

    Args:
        config: the search.
        source: name of the search in errors.

    Raises:
        ConfigError: the first key that is wrong.
        CheckpointError: the checkpoint is no model file.
    """
    _check_numbers(config, source)
    if config.evaluation.split != SPLIT:
        raise ConfigError(
            f"{source}: key 'evaluation.split': expected '{SPLIT}', got '{config.evaluation.split}': "
            "a search never sees the test split, which would make its scores there worthless"
        )
    _check_keys(config, source)
    protocol = load_protocol(config.evaluation.protocol)
    objectives = build_objectives(config.objectives, protocol, source)
    _check_pruner(config, objectives, source)
    base = _base(config)
    return SearchPlan(config, base, distributions(base, config.space, source), objectives, protocol.hash)


def _base(config: SearchConfig) -> RunConfig:
    if not config.checkpoint:
        return RunConfig(**{field.name: getattr(config, field.name) for field in dataclasses.fields(RunConfig)})
    trained = read_card(config.checkpoint).config
    return dataclasses.replace(
        trained,
        data=dataclasses.replace(trained.data, cache=config.data.cache),
        # Nothing is imported because a model file says so.
        model=dataclasses.replace(trained.model, plugins=config.model.plugins),
        sampling=config.sampling,
        evaluation=config.evaluation,
    )


def _check_numbers(config: SearchConfig, source: str) -> None:
    for key, low in LEAST.items():
        section, _, name = key.rpartition(".")
        value = getattr(getattr(config, section) if section else config, name)
        if value < low:
            raise ConfigError(f"{source}: key '{key}': expected at least {low}, got {value}")
    if not 0 <= config.pruner.percentile <= 100:
        raise ConfigError(f"{source}: key 'pruner.percentile': expected 0 to 100, got {config.pruner.percentile}")
    if config.grace < 2 * config.heartbeat:
        raise ConfigError(
            f"{source}: key 'grace': expected at least twice the heartbeat of {config.heartbeat}, got {config.grace}"
        )
    if config.train.nodes != 1:
        raise ConfigError(
            f"{source}: key 'train.nodes': expected 1, got {config.train.nodes}: a trial runs on one machine, and the "
            "same command on several machines runs several trials"
        )


def _check_keys(config: SearchConfig, source: str) -> None:
    if not config.space:
        raise ConfigError(f"{source}: key 'space': expected at least one key, got none")
    for key in config.space:
        section = key.partition(".")[0]
        if section in FIXED_SECTIONS:
            raise ConfigError(
                f"{source}: key 'space.{key}': expected a key that leaves trials comparable, got {section}"
            )
        if config.checkpoint and section != "sampling":
            raise ConfigError(
                f"{source}: key 'space.{key}': expected a key of sampling with a fixed checkpoint, got {section}"
            )


def _check_pruner(config: SearchConfig, objectives: tuple[Objective, ...], source: str) -> None:
    pruner, train = config.pruner, config.train
    if pruner.name == "none":
        return
    where = f"{source}: key 'pruner.name'"
    if len(objectives) > 1:
        raise ConfigError(f"{where}: expected none with {len(objectives)} objectives, got {config.pruner.name}")
    if config.checkpoint:
        raise ConfigError(f"{where}: expected none with a fixed checkpoint, got {config.pruner.name}")
    for key in config.space:
        if key in LOSS_KEYS or key.startswith("diffusion."):
            raise ConfigError(f"{where}: expected none where '{key}' changes what the loss is, got {pruner.name}")
    if not 1 <= train.validate_every < train.steps:
        raise ConfigError(
            f"{source}: key 'train.validate_every': expected 1 to {train.steps - 1} for a pruner, which sees a trial "
            f"before its end or never, got {train.validate_every}"
        )
    if pruner.name in ("successive_halving", "hyperband") and pruner.min_resource >= train.steps:
        raise ConfigError(
            f"{source}: key 'pruner.min_resource': expected less than the {train.steps} steps of a trial, "
            f"got {pruner.min_resource}"
        )
