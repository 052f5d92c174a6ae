"""A hyperparameter search: its space, objectives, sampler and pruner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lt_bench.config.experiment import RunConfig

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Dimension:
    """The values of one key: a range of numbers, or choices."""

    low: float | None = None
    high: float | None = None
    """Both ends belong to the range; a key of whole numbers gets whole numbers."""
    step: float | None = None
    """Between values; None for any value of the range."""
    log: bool = False
    """Uniform in the logarithm."""
    choices: tuple[bool | int | float | str, ...] = ()


@dataclass(frozen=True)
class ObjectiveConfig:
    """A value to be improved."""

    score: str
    """A score of the protocol, or a cost: seconds_per_clip, seconds_per_video_second,
    macs_per_video_second, train_seconds, parameters, peak_memory."""
    direction: Direction | None = None
    """None for the score's own; costs are minimised."""


@dataclass(frozen=True)
class SearchSamplerConfig:
    """What suggests values. All settings of the library that matter are pinned here, since its defaults change."""

    name: Literal["tpe", "gp", "nsga2", "random"] = "tpe"
    """The time of ``gp`` grows with the cube of the finished trials; it is for some hundreds at most."""
    seed: int = 0
    """With a trial's number, decides its random draws: parallel commands never draw the same."""
    startup_trials: int = 10
    """Random trials before the model of ``tpe`` and ``gp``."""
    candidates: int = 24
    """Of ``tpe``, from which the best by expected improvement is taken."""
    multivariate: bool = True
    """``tpe`` models all keys together."""
    constant_liar: bool = True
    """``tpe`` keeps away from trials that run now."""
    population: int = 20
    """Of ``nsga2``."""


@dataclass(frozen=True)
class PrunerConfig:
    """What ends hopeless trials early, by their validation loss (every ``train.validate_every`` steps)."""

    name: Literal["none", "median", "percentile", "successive_halving", "hyperband"] = "none"
    startup_trials: int = 5
    """Trials that end before ``median`` and ``percentile`` prune any."""
    warmup_steps: int = 0
    """Training steps before ``median`` and ``percentile`` prune."""
    percentile: float = 25.0
    """``percentile`` keeps the best so many percent."""
    min_resource: int = 100
    """Training steps that ``successive_halving`` and ``hyperband`` give every trial."""
    reduction_factor: int = 3
    """``successive_halving`` and ``hyperband`` keep one trial of so many at each rung."""


@dataclass(frozen=True)
class SearchConfig(RunConfig):
    """A search over keys of a run; everything else is as the run's keys say."""

    name: str = "search"
    out: str = "runs/search"
    """Folder of trials, plots and the best configuration, relative to the working folder."""
    trials: int = 20
    """In all, over every command that works on the study."""
    workers: int = 1
    """Trials side by side in this command."""
    space: dict[str, Dimension] = field(default_factory=dict)
    """By dotted key of a run, such as ``train.learning_rate``."""
    objectives: tuple[ObjectiveConfig, ...] = ()
    """One, or several for a Pareto front."""
    sampler: SearchSamplerConfig = field(default_factory=SearchSamplerConfig)
    pruner: PrunerConfig = field(default_factory=PrunerConfig)
    checkpoint: str = ""
    """A model file that every trial scores, without training; then only keys of ``sampling`` can be searched."""
    storage: str = ""
    """URL of a database (``postgresql://...``); empty for a journal file in ``out``."""
    heartbeat: int = 15
    """Seconds between two signs of life of a trial."""
    grace: int = 90
    """Seconds without one after which a trial counts as killed."""
    retries: int = 2
    """How often a trial whose process was killed is tried again."""
    tracking_uri: str = ""
    """MLflow server; empty for an sqlite file in ``out``."""
