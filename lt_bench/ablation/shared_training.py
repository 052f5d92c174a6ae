"""One training for all cells that differ only in sampling or scoring.

The *training identity* is a hash of every key that decides a run's weights: all keys except those of ``sampling`` and
``evaluation`` and those that change no number (``lt_bench.config.free_keys``). Keys that only change how sums are
rounded, such as ``train.devices``, count, because a grid over them compares trainings.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lt_bench.ablation.grid_plan import Job
from lt_bench.config import RunConfig, to_dict
from lt_bench.config.free_keys import FREE_KEYS
from lt_bench.conventions import METRICS_FILE, MODEL_FILE
from lt_bench.files import sha256_json
from lt_bench.jobs.folder import flat_config, link_file

FREE_SECTIONS = ("sampling", "evaluation")


def training_identity(config: RunConfig) -> str:
    """Return a hash that is equal for runs with equal weights on one cache."""
    document = to_dict(config)
    facts = flat_config({name: part for name, part in document.items() if name not in FREE_SECTIONS})
    return sha256_json({key: value for key, value in facts.items() if key not in FREE_KEYS})


def share_trainings(jobs: Sequence[Job], done: Collection[str] = ()) -> dict[str, Job]:
    """Assign to each job the job that trains for it: one with its identity that has a model, else the first to run.

    Args:
        jobs: jobs in the order of their start.
        done: names of the jobs that are not run again.
    """
    identities = {job.name: training_identity(job.config) for job in jobs}
    trainers: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: (not has_own_model(job), job.name in done)):
        trainers.setdefault(identities[job.name], job)
    return {name: trainers[identity] for name, identity in identities.items()}


def has_own_model(job: Job) -> bool:
    """Return whether the model was trained in the job's own folder."""
    model = job.folder / MODEL_FILE
    return model.exists() and not model.is_symlink()


def take_over(job: Job, trainer: Job) -> None:
    """Give a job the model and the curve of the job that trains for it."""
    for name in (MODEL_FILE, METRICS_FILE):
        if (trainer.folder / name).exists():
            link_file(job.folder, trainer.folder / name, name)
