"""The engine that a configuration names."""

from __future__ import annotations

from pathlib import Path

from lt_bench.config import EngineConfig
from lt_bench.devices import usable_cores
from lt_bench.jobs.engines.base import Engine
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.jobs.launch import visible_gpus


def open_engine(config: EngineConfig, workers: int, out: Path, accelerator: str, devices: int = 1) -> Engine:
    """Open an engine; ``close`` it afterwards.

    Args:
        config: which, and what each worker gets.
        workers: side by side.
        out: folder of the experiment.
        accelerator: as in ``train.accelerator``.
        devices: of each model.

    Raises:
        LtBenchError: its library or cluster is not there.
    """
    if config.name == "ray":
        from lt_bench.jobs.engines.ray import RayEngine

        return RayEngine(workers, config.cpus, config.gpus, out / ".alive", needs_gpu=accelerator != "cpu")
    if config.name == "slurm":
        from lt_bench.jobs.engines.slurm import SlurmEngine

        return SlurmEngine(workers, config, out)
    return local_engine(workers, accelerator, devices)


def check_engine(config: EngineConfig, out: Path) -> None:
    """Look for what an engine needs, before a cache is prepared for it.

    Raises:
        LtBenchError: its library or cluster is not there.
    """
    if config.name == "ray":
        from lt_bench.ray_cluster import import_ray

        import_ray()
    if config.name == "slurm":
        from lt_bench.jobs.engines.slurm import JOBS, build_executor

        build_executor(config, out / JOBS)


def local_engine(workers: int, accelerator: str, devices: int = 1) -> LocalEngine:
    """Processes of this machine; GPUs are shared out in groups of ``devices``."""
    gpus = visible_gpus(accelerator)
    shares = [",".join(gpus[k : k + devices]) for k in range(0, len(gpus) - devices + 1, devices)]
    return LocalEngine(workers, usable_cores(), shares)
