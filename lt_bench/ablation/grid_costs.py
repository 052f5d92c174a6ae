"""Costs of the models of a grid, from finished models or from training steps that are timed now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

from lt_bench.ablation.grid_plan import Job
from lt_bench.ablation.shared_training import training_identity
from lt_bench.config import RunConfig, to_dict
from lt_bench.config.free_keys import FREE_KEYS
from lt_bench.conventions import MODEL_FILE
from lt_bench.files import sha256_json
from lt_bench.jobs.folder import flat_config
from lt_bench.jobs.job_status import Status

PHASES = ("training", "generating", "scoring")


@dataclass(frozen=True)
class Cost:
    """Seconds of one model."""

    training: float | None
    generating: float | None
    scoring: float | None
    source: str
    """Origin of the numbers: ``finished models``, ``timed now``, or the reason why they are unknown."""

    @property
    def known(self) -> bool:
        """Whether the seconds of every phase are known."""
        return None not in (self.training, self.generating, self.scoring)


def kind(config: RunConfig) -> str:
    """Return a key that is equal for models of equal cost: those that differ only in their seeds."""
    flat = flat_config(to_dict(config))
    free = {*FREE_KEYS, "train.seed", "sampling.seed"}
    return sha256_json({key: value for key, value in flat.items() if key not in free})


def training_kind(config: RunConfig) -> str:
    """Return a key that is equal for trainings of equal cost."""
    return training_identity(replace(config, train=replace(config.train, seed=0)))


def recorded_costs(jobs: Sequence[Job], statuses: Sequence[Status]) -> dict[str, Cost]:
    """Return mean costs over finished models by kind; training costs are those of models trained by themselves."""
    trainings: dict[str, list[float]] = {}
    phases: dict[str, dict[str, list[float]]] = {}
    for job, status in zip(jobs, statuses, strict=True):
        if status.state != "done":
            continue
        if "training" in status.seconds and not (job.folder / MODEL_FILE).is_symlink():
            trainings.setdefault(training_kind(job.config), []).append(status.seconds["training"])
        for phase in PHASES[1:]:
            if phase in status.seconds:
                phases.setdefault(kind(job.config), {}).setdefault(phase, []).append(status.seconds[phase])
    found: dict[str, Cost] = {}
    for job in jobs:
        training, rest = trainings.get(training_kind(job.config)), phases.get(kind(job.config), {})
        if training and all(phase in rest for phase in PHASES[1:]):
            found[kind(job.config)] = Cost(
                mean(training), mean(rest["generating"]), mean(rest["scoring"]), "finished models"
            )
    return found
