"""Tracking records of a grid, made from the files of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lt_bench.ablation.grid_plan import Job
from lt_bench.config import ExperimentConfig, to_dict
from lt_bench.conventions import LEADERBOARD
from lt_bench.files import sha256_file
from lt_bench.jobs import job_tracking
from lt_bench.jobs.folder import flat_config
from lt_bench.jobs.job_status import Status
from lt_bench.tracking.record import Artifact, RunRecord


def parent_record(
    config: ExperimentConfig, cache_hash: str, commit: str | None, leaderboard: Sequence[Path] = ()
) -> RunRecord:
    """Return the parent record: what the cells share and, at the end, the leaderboard's files, CSV first."""
    own = {"cells", "seeds", "grid", *job_tracking.UNTOLD}
    params = {key: str(value) for key, value in flat_config(to_dict(config)).items() if key not in own}
    params["cells"] = " ".join(cell.name for cell in config.cells)
    params |= {f"grid.{key}": " ".join(map(str, values)) for key, values in config.grid.items()}
    params["seeds"] = " ".join(map(str, config.seeds))
    return RunRecord(
        config.name,
        params,
        {**_tags(config, cache_hash), **({"git_commit": commit} if commit else {})},
        artifacts=tuple(Artifact(path, LEADERBOARD) for path in leaderboard),
        running=not leaderboard,
        revision=sha256_file(leaderboard[0]) if leaderboard else "",
    )


def job_record(config: ExperimentConfig, job: Job, status: Status, cache_hash: str) -> RunRecord:
    """Return the record of a job that is done or failed."""
    tags = _job_tags(config, job, cache_hash)
    return job_tracking.job_record(job.name, job.config, job.folder, status, tags, cache_hash)


def running_record(config: ExperimentConfig, job: Job, cache_hash: str) -> RunRecord:
    """Return the record of a running job."""
    return job_tracking.running_record(job.name, job.config, job.folder, _job_tags(config, job, cache_hash), cache_hash)


def _job_tags(config: ExperimentConfig, job: Job, cache_hash: str) -> dict[str, str]:
    tags = {"portrait": job.cell.portrait, "audio": job.cell.audio, "seed": str(job.seed)}
    tags |= {key: str(value) for key, value in job.setting}
    return tags | _tags(config, cache_hash)


def _tags(config: ExperimentConfig, cache_hash: str) -> dict[str, str]:
    return {"experiment": config.name, "cache_hash": cache_hash, "protocol": config.evaluation.protocol}
