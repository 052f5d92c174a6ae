"""Frozen dataclasses of all settings, and the YAML files they are read from; configurations are never strings."""

from lt_bench.config.data import CropConfig, DataConfig, QualityConfig, SyntheticConfig
from lt_bench.config.diffusion import DiffusionConfig
from lt_bench.config.engine import EngineConfig, EngineName, SlurmConfig
from lt_bench.config.experiment import Cell, EvaluationConfig, ExperimentConfig, RunConfig
from lt_bench.config.load import apply_overrides, load_config, parse_config, set_keys, to_dict, to_yaml
from lt_bench.config.model import FusionConfig, ModelConfig
from lt_bench.config.sampling import SamplingConfig
from lt_bench.config.search import Dimension, ObjectiveConfig, PrunerConfig, SearchConfig, SearchSamplerConfig
from lt_bench.config.train import TrainConfig

__all__ = [
    "Cell",
    "CropConfig",
    "DataConfig",
    "DiffusionConfig",
    "Dimension",
    "EngineConfig",
    "EngineName",
    "EvaluationConfig",
    "ExperimentConfig",
    "FusionConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "PrunerConfig",
    "QualityConfig",
    "RunConfig",
    "SamplingConfig",
    "SearchConfig",
    "SearchSamplerConfig",
    "SlurmConfig",
    "SyntheticConfig",
    "TrainConfig",
    "apply_overrides",
    "load_config",
    "parse_config",
    "set_keys",
    "to_dict",
    "to_yaml",
]
