"""Status of the jobs of a grid before anything is run."""

from __future__ import annotations

from dataclasses import replace

from lt_bench.ablation.grid_plan import Job
from lt_bench.conventions import MODEL_FILE, RESULT_FILE
from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.results.result_file import load_result
from lt_bench.jobs.folder import check_folder
from lt_bench.jobs.job_status import Status, read_status


def inspect(job: Job, cache_hash: str, protocol_hash: str) -> Status:
    """Return the status of a job before anything is run; ``done`` requires a result of this cache and protocol.

    Raises:
        LtBenchError: the folder was created with another configuration or on another cache.
    """
    check_folder(job.folder, job.config)
    status = read_status(job.folder)
    if status.cache_hash and cache_hash and status.cache_hash != cache_hash:
        made = status.cache_hash[:16]
        raise LtBenchError(
            f"{job.folder}: expected a run on cache {cache_hash[:16]}, got one begun on cache {made}; "
            "choose another --out, or remove this folder to start it again"
        )
    if status.state == "done" and not _has_result(job, cache_hash, protocol_hash):
        return replace(status, state="pending")
    return status


def _has_result(job: Job, cache_hash: str, protocol_hash: str) -> bool:
    try:
        result = load_result(job.folder / RESULT_FILE)
    except ResultError:
        return False  # missing or damaged: it is made again from the videos, which takes little
    return result.protocol.hash == protocol_hash and (not cache_hash or result.cache_hash == cache_hash)


def waiting(status: Status, trained: bool) -> Status:
    """Return a waiting job's status, with its completed training and the reasons for earlier failures."""
    past = trained or status.state in ("generating", "scoring", "done")
    step, steps = (1, 1) if past else (status.step, status.steps) if status.state == "training" else (0, 0)
    failures = (*status.failures, status.reason) if status.state == "failed" and status.reason else status.failures
    return replace(status, state="pending", step=step, steps=steps, eta=None, reason="", failures=failures)


def is_trained(job: Job, trainer: Job) -> bool:
    """Return whether the model exists, in the job's own folder or in that of the job that trains for it."""
    return any((one.folder / MODEL_FILE).exists() for one in (job, trainer))
