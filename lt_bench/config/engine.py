"""Where the models of a grid are made: processes of this machine, a Ray cluster, or Slurm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

EngineName = Literal["local", "ray", "slurm"]


@dataclass(frozen=True)
class SlurmConfig:
    """What ``sbatch`` is told for each model; CPUs and GPUs are said in ``engine``."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    minutes: int = 240
    """Time limit. Training is saved before it is over, and the job queued again, ``requeues`` times at most."""
    memory_gb: int = 0
    """0 leaves the cluster's default."""
    signal_seconds: int = 180
    """How long before the end of its time a job is told, to save itself: longer than a step and its checkpoint."""
    requeues: int = 20
    """How often a model whose time was over is queued again."""
    setup: tuple[str, ...] = ()
    """Shell lines before the job, such as ``module load cuda``."""
    extra: dict[str, Any] = field(default_factory=dict)
    """More parameters of ``sbatch``, such as ``mail-user``."""
    cluster: Literal["slurm", "local"] = "slurm"
    """``local``: submitit's own processes on this machine in place of Slurm's, to try a configuration."""


@dataclass(frozen=True)
class EngineConfig:
    """How the models of a grid are run; none of it changes a number."""

    name: EngineName = "local"
    """``local``: processes side by side, which share the cores. ``ray``: tasks of the cluster that RAY_ADDRESS names,
    or of one on this machine. ``slurm``: a job a model, by submitit. All folders must be seen by all machines."""
    retries: int = 0
    """How often a model that failed is tried again by the same command; the next command tries it anyway."""
    cpus: int = 0
    """Of each model, for ``ray`` and ``slurm``: threads too; 0 for one. ``local`` shares the cores out."""
    gpus: int = 0
    """Of each model, for ``ray`` and ``slurm``; ``local`` spreads models over the visible ones by itself."""
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
