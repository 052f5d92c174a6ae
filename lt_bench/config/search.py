"""Settings of a hyperparameter search: its space, objectives, sampler and pruner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lt_bench.config.experiment import RunConfig

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Dimension:
    """Values of one key: a range of numbers, or choices."""

    low: float | None = None
    high: float | None = None
    """Bounds of the range, both included; a key of integers gets integers."""
    step: float | None = None
    """Distance between values; null for any value of the range."""
    log: bool = False
    """Whether values are uniform in the logarithm."""
    choices: tuple[bool | int | float | str, ...] = ()


@dataclass(frozen=True)
class ObjectiveConfig:
    """A value to optimize."""

    score: str
    """A metric of the protocol, or a cost: seconds_per_clip, seconds_per_video_second, macs_per_video_second,
    train_seconds, parameters, peak_memory."""
    direction: Direction | None = None
    """Direction of improvement; null for the metric's own direction. Costs are minimized."""


@dataclass(frozen=True)
class SearchSamplerConfig:
    """The sampler that suggests values; all relevant settings are fixed here, because the library's defaults change."""

    name: Literal["tpe", "gp", "nsga2", "random"] = "tpe"
    """Name of the sampler. The time of ``gp`` grows with the cube of the finished trials; use at most some hundreds."""
    seed: int = 0
    """Seed of each trial's random numbers, together with its number; parallel commands never draw the same numbers."""
    startup_trials: int = 10
    """Number of random trials before ``tpe`` and ``gp`` fit a model."""
    candidates: int = 24
    """Number of candidates of ``tpe``, of which the one with the best expected improvement is used."""
    multivariate: bool = True
    """Whether ``tpe`` models all keys together."""
    constant_liar: bool = True
    """Whether ``tpe`` avoids the values of running trials."""
    population: int = 20
    """Population size of ``nsga2``."""


@dataclass(frozen=True)
class PrunerConfig:
    """The pruner that ends trials early by their validation loss (every ``train.validate_every`` steps)."""

    name: Literal["none", "median", "percentile", "successive_halving", "hyperband"] = "none"
    startup_trials: int = 5
    """Number of trials that finish before ``median`` and ``percentile`` prune."""
    warmup_steps: int = 0
    """Training steps before ``median`` and ``percentile`` prune."""
    percentile: float = 25.0
    """Percentage of trials that ``percentile`` keeps."""
    min_resource: int = 100
    """Training steps that ``successive_halving`` and ``hyperband`` give every trial."""
    reduction_factor: int = 3
    """Factor N: ``successive_halving`` and ``hyperband`` keep one of N trials at each rung."""


@dataclass(frozen=True)
class SearchConfig(RunConfig):
    """A search over keys of a run; all other keys have the values of the run."""

    name: str = "search"
    out: str = "runs/search"
    """Folder of trials, plots and the best configuration, relative to the working directory."""
    trials: int = 20
    """Total number of trials over all commands that work on the study."""
    workers: int = 1
    """Number of parallel trials of this command."""
    space: dict[str, Dimension] = field(default_factory=dict)
    """Search space by dotted key of a run, such as ``train.learning_rate``."""
    objectives: tuple[ObjectiveConfig, ...] = ()
    """One objective, or several for a Pareto front."""
    sampler: SearchSamplerConfig = field(default_factory=SearchSamplerConfig)
    pruner: PrunerConfig = field(default_factory=PrunerConfig)
    checkpoint: str = ""
    """Model file that every trial scores without training; then only keys of ``sampling`` can be searched."""
    storage: str = ""
    """URL of a database (``postgresql://...``); empty for a journal file in ``out``."""
    heartbeat: int = 15
    """Seconds between two heartbeats of a trial."""
    grace: int = 90
    """Seconds without a heartbeat after which a trial counts as killed."""
    retries: int = 2
    """Number of times that a trial is retried after its process was killed."""
    tracking_uri: str = ""
    """MLflow server; empty for an SQLite file in ``out``."""
