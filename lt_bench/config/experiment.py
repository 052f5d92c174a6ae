"""A run (one model) and an experiment (a grid of runs)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lt_bench.config.data import DataConfig
from lt_bench.config.diffusion import DiffusionConfig
from lt_bench.config.engine import EngineConfig
from lt_bench.config.model import ModelConfig
from lt_bench.config.sampling import SamplingConfig
from lt_bench.config.train import TrainConfig


@dataclass(frozen=True)
class EvaluationConfig:
    """Scoring of the generated clips."""

    protocol: str = "synthetic-v2"
    split: str = "test"
    clips: int = 0
    """Number of clips of the split to score; 0 for all."""
    score_every: int = 0
    """Optimizer steps between scorings of the validation split during training; 0 for none."""
    score_clips: int = 4
    """Clips of the validation split to generate and score during training; 0 for all."""
    samples: int = 6
    """Clips shown on the leaderboard page."""
    system: str = ""
    """Name in tables; empty for the names of the two fusion schemes."""


@dataclass(frozen=True)
class Cell:
    """One cell of the fusion grid."""

    portrait: str
    audio: str

    @property
    def name(self) -> str:
        """``portrait-audio``, the name of the cell's folder and row."""
        return f"{self.portrait}-{self.audio}"


@dataclass(frozen=True)
class RunConfig:
    """All settings of one model; saved with each run and each checkpoint."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


@dataclass(frozen=True)
class ExperimentConfig(RunConfig):
    """A grid of every cell with every value of every axis and every seed; everything else is equal."""

    name: str = "experiment"
    out: str = "runs/experiment"
    """Folder of results, relative to the working directory."""
    cells: tuple[Cell, ...] = (Cell("symbiotic", "direct"),)
    seeds: tuple[int, ...] = (0,)
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Additional axes: dotted keys of a run, such as ``diffusion.prediction``, with their values; all combinations
    run."""
    max_parallel: int = 1
    """Number of models to run in parallel, each in a separate process."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    tracking_uri: str = ""
    """MLflow server; empty for an SQLite file in ``out``."""
