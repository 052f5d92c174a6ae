"""Settings of the engines that run the models of a grid: local processes, Ray or Slurm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

EngineName = Literal["local", "ray", "slurm"]


@dataclass(frozen=True)
class SlurmConfig:
    """Parameters of ``sbatch`` for each model; ``engine`` sets CPUs and GPUs."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    minutes: int = 240
    """Time limit. Training is saved before the limit and the job is queued again, at most ``requeues`` times."""
    memory_gb: int = 0
    """Memory in GB; 0 uses the cluster's default."""
    signal_seconds: int = 180
    """Seconds before the time limit at which a job is signaled to save; more than a step plus its checkpoint."""
    requeues: int = 20
    """Maximum number of times that a model is queued again after its time limit."""
    setup: tuple[str, ...] = ()
    """Shell lines to run before the job, such as ``module load cuda``."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Additional parameters of ``sbatch``, such as ``mail-user``."""
    cluster: Literal["slurm", "local"] = "slurm"
    """``local``: submitit's own processes on this machine instead of Slurm's, to test a configuration."""


@dataclass(frozen=True)
class EngineConfig:
    """Execution of a grid's models; these keys change no number."""

    name: EngineName = "local"
    """``local``: parallel processes that share the cores. ``ray``: tasks of the cluster that RAY_ADDRESS names, or of
    one on this machine. ``slurm``: one job per model, through submitit. All machines must share all folders."""
    retries: int = 0
    """Number of times that a command retries a failed model; rerunning the command always retries it."""
    cpus: int = 0
    """CPUs and threads per model, for ``ray`` and ``slurm``; 0 for one. ``local`` divides the cores."""
    gpus: int = 0
    """GPUs per model, for ``ray`` and ``slurm``; ``local`` assigns the visible GPUs automatically."""
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
