"""Tracking records of a search: one parent run, and a nested run per trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from lt_bench.config import RunConfig, to_dict
from lt_bench.files import sha256_file
from lt_bench.jobs import job_tracking
from lt_bench.jobs.folder import flat_config
from lt_bench.jobs.job_status import read_status
from lt_bench.search.attempt import REASON, Attempt, place_of
from lt_bench.search.search_plan import SearchPlan
from lt_bench.search.space import trial_config
from lt_bench.tracking.record import Artifact, RunRecord


def parent_record(plan: SearchPlan, cache_hash: str, commit: str | None, files: Sequence[Path] = ()) -> RunRecord:
    """Return the parent record: the search's configuration and, at the end, its files, the table first."""
    flat = flat_config(to_dict(plan.config))
    params = {key: str(value) for key, value in flat.items() if key not in job_tracking.UNTOLD}
    return RunRecord(
        plan.config.name,
        params,
        {**_tags(plan, cache_hash), **({"git_commit": commit} if commit else {})},
        artifacts=tuple(Artifact(path, "plots" if path.suffix == ".png" else "search") for path in files),
        running=not files,
        revision=sha256_file(files[0]) if files else "",
    )


def trial_record(plan: SearchPlan, trial: FrozenTrial, cache_hash: str) -> RunRecord:
    """Return the record of a trial that has ended."""
    origin, config = place_of(trial), trial_config(plan.base, trial.params)
    name, folder = f"trial {origin}", plan.folder(origin)
    tags = {**_tags(plan, cache_hash), "outcome": trial.state.name.lower()}
    tags |= {f"space.{key}": str(value) for key, value in trial.params.items()}
    status = read_status(folder)
    if trial.state == TrialState.PRUNED:
        return replace(job_tracking.running_record(name, config, folder, tags, cache_hash), running=False)
    if trial.state == TrialState.FAIL:
        status = replace(status, state="failed", reason=trial.user_attrs.get(REASON, "unknown"))
    return job_tracking.job_record(name, config, folder, status, tags, cache_hash)


def running_record(plan: SearchPlan, attempt: Attempt, config: RunConfig, cache_hash: str) -> RunRecord:
    """Return the record of a running trial."""
    tags = {**_tags(plan, cache_hash), **{f"space.{key}": str(value) for key, value in attempt.values.items()}}
    return job_tracking.running_record(attempt.name, config, plan.folder(attempt.place), tags, cache_hash)


def _tags(plan: SearchPlan, cache_hash: str) -> dict[str, str]:
    return {"experiment": plan.config.name, "cache_hash": cache_hash, "protocol": plan.config.evaluation.protocol}
