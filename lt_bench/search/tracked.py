"""What tracking is told of a search: one parent run, and a nested run for every trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lt_bench.config import to_dict
from lt_bench.files import sha256_file
from lt_bench.jobs import tracked
from lt_bench.jobs.folder import flat_config
from lt_bench.search.plan import SearchPlan
from lt_bench.search.runner import Ended
from lt_bench.tracking.record import Artifact, RunRecord

UNTOLD = ("storage", "tracking_uri")
"""Keys that may hold a password."""


def parent_record(plan: SearchPlan, cache_hash: str, commit: str | None, files: Sequence[Path] = ()) -> RunRecord:
    """The parent run: the search's configuration and, at the end, its files, the table first."""
    flat = flat_config(to_dict(plan.config))
    params = {key: str(value) for key, value in flat.items() if key not in UNTOLD}
    return RunRecord(
        plan.config.name,
        params,
        {**_tags(plan, cache_hash), **({"git_commit": commit} if commit else {})},
        artifacts=tuple(Artifact(path, "plots" if path.suffix == ".png" else "search") for path in files),
        running=not files,
        revision=sha256_file(files[0]) if files else "",
    )


def trial_record(plan: SearchPlan, ended: Ended, cache_hash: str) -> RunRecord:
    """The run of a trial that has ended."""
    values = ended.attempt.values
    tags = {**_tags(plan, cache_hash), "outcome": ended.outcome, **{f"space.{k}": str(v) for k, v in values.items()}}
    status = replace(ended.status, state="failed", reason="pruned") if ended.outcome == "pruned" else ended.status
    record = tracked.job_record(ended.attempt.name, ended.config, ended.folder, status, tags)
    return replace(record, failed="") if ended.outcome == "pruned" else record


def _tags(plan: SearchPlan, cache_hash: str) -> dict[str, str]:
    return {"experiment": plan.config.name, "cache_hash": cache_hash, "protocol": plan.config.evaluation.protocol}
