"""Construction of the engine that a configuration names."""

from __future__ import annotations

from pathlib import Path

from lt_bench.config import EngineConfig, TrainConfig
from lt_bench.devices import usable_cores
from lt_bench.errors import ConfigError
from lt_bench.jobs.engines.base import Engine
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.jobs.launch import visible_gpus


def open_engine(config: EngineConfig, workers: int, out: Path, accelerator: str, devices: int = 1) -> Engine:
    """Open an engine; ``close`` it afterwards.

    Args:
        config: name of the engine and resources of each worker.
        workers: number of parallel workers.
        out: folder of the experiment.
        accelerator: value of ``train.accelerator``.
        devices: number of devices of each model.

    Raises:
        LtBenchError: the engine's library or cluster is not available.
    """
    if config.name == "ray":
        from lt_bench.jobs.engines.ray import RayEngine

        return RayEngine(workers, config, out / ".alive", accelerator)
    if config.name == "slurm":
        from lt_bench.jobs.engines.slurm import SlurmEngine

        return SlurmEngine(workers, config, out)
    return local_engine(workers, accelerator, devices)


def check_engine(config: EngineConfig, out: Path, train: TrainConfig) -> None:
    """Check an engine's requirements before a cache is prepared for it.

    Args:
        config: configuration of the engine.
        out: folder of the experiment.
        train: training configuration, with the devices that each model needs.

    Raises:
        ConfigError: a model gets fewer GPUs than it trains on.
        LtBenchError: the library or cluster is not available, or the cluster has no room for a model.
    """
    if config.name == "local":
        return
    if train.accelerator != "cpu" and 0 < config.gpus < train.devices:
        raise ConfigError(
            f"key 'engine.gpus': expected at least {train.devices}, as train.devices says, got {config.gpus}"
        )
    if config.name == "ray":
        from lt_bench.jobs.engines.ray import check_cluster

        check_cluster(config, train.accelerator)
    if config.name == "slurm":
        from lt_bench.jobs.engines.slurm import JOBS, build_executor, check_partition

        build_executor(config, out / JOBS)
        check_partition(config)


def local_engine(workers: int, accelerator: str, devices: int = 1) -> LocalEngine:
    """Return an engine of local processes; GPUs are assigned in groups of ``devices``."""
    gpus = visible_gpus(accelerator)
    shares = [",".join(gpus[k : k + devices]) for k in range(0, len(gpus) - devices + 1, devices)]
    return LocalEngine(workers, usable_cores(), shares)
