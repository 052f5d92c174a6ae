"""The report of ``lt-bench ablate --dry-run``: the models, their progress, and the cost of the rest."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from lt_bench.ablation.grid_costs import Cost
    from lt_bench.ablation.grid_plan import Job
    from lt_bench.config import ExperimentConfig
    from lt_bench.data.cache import LatentCache
    from lt_bench.jobs.job_status import Status

PARALLEL = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of parallel models for which the duration is estimated."""


def cells(jobs: tuple[Job, ...], statuses: tuple[Status, ...]) -> list[dict[str, Any]]:
    """Return the models of a grid as documents."""
    from lt_bench.ablation.shared_training import share_trainings

    done = [job.name for job, status in zip(jobs, statuses, strict=True) if status.state == "done"]
    trainers = share_trainings(jobs, done)
    return [
        {
            "system": job.system,
            "portrait": job.cell.portrait,
            "audio": job.cell.audio,
            "setting": dict(job.setting),
            "seed": job.seed,
            "state": status.state,
            "reason": status.reason or None,
            "failures": list(status.failures),
            "seconds": status.seconds,
            "trained_by": trainers[job.name].name,
            "folder": str(job.folder),
        }
        for job, status in zip(jobs, statuses, strict=True)
    ]


def dry_run(config: ExperimentConfig, jobs: tuple[Job, ...], as_json: bool) -> int:
    """Check everything and report what would be done and what it costs; nothing is left on disk."""
    from lt_bench.ablation.grid_inspection import inspect
    from lt_bench.evaluation.protocol import load_protocol

    protocol_hash = load_protocol(config.evaluation.protocol).hash
    statuses = tuple(inspect(job, "", protocol_hash) for job in jobs)
    document = _document(config, jobs, statuses)
    if as_json:
        print_json(document)
    else:
        from lt_bench.cli.commands.ablate.plan_table import print_plan

        print_plan(document)
    return 0


def _document(config: ExperimentConfig, jobs: tuple[Job, ...], statuses: tuple[Status, ...]) -> dict[str, Any]:
    from lt_bench.ablation.grid_costs import kind
    from lt_bench.ablation.grid_duration import wall_time

    costs, note = _costs(config, jobs, statuses)
    rows = cells(jobs, statuses)
    for job, row in zip(jobs, rows, strict=True):
        row["cost"] = dataclasses.asdict(costs[kind(job.config)])
    loads = _loads(jobs, rows, [costs[kind(job.config)] for job in jobs])
    workers = min(config.max_parallel, len(jobs))
    document = {
        "name": config.name,
        "out": config.out,
        "steps": config.train.steps,
        "engine": config.engine.name,
        "max_parallel": config.max_parallel,
        "cells": rows,
        "note": note,
        "work_seconds": None,
        "wall_seconds": None,
        "wall_seconds_by_parallel": {},
    }
    if loads is None:
        return document
    by_parallel = {str(n): round(wall_time(loads, n), 1) for n in PARALLEL if n <= max(1, len(loads))}
    return document | {
        "work_seconds": round(sum(load.training + load.rest for load in loads), 1),
        "wall_seconds": round(wall_time(loads, workers), 1),
        "wall_seconds_by_parallel": by_parallel,
    }


def _costs(
    config: ExperimentConfig, jobs: tuple[Job, ...], statuses: tuple[Status, ...]
) -> tuple[dict[str, Cost], str]:
    """Return the cost of each kind of model, with remarks on how it was found."""
    from lt_bench.ablation.grid_costs import Cost, kind, recorded_costs

    costs = recorded_costs(jobs, statuses)
    first = {kind(job.config): job for job in reversed(jobs)}
    new = {name: job for name, job in first.items() if name not in costs}
    if not new or all(status.state == "done" for status in statuses):
        return costs | {name: Cost(None, None, None, "finished") for name in new}, "from finished models"
    with _cache_to_time_on(config) as (cache, times):
        if cache is None:
            reason = f"not known before {config.data.cache} is prepared"
            return costs | {name: Cost(None, None, None, reason) for name in new}, reason
        return costs | _timed(config, new, cache, times), _note(config)


def _note(config: ExperimentConfig) -> str:
    from lt_bench.ablation.step_timing import CLIPS, STEPS

    return f"from {STEPS} training steps and {CLIPS} clips of each kind of model, timed one at a time on this machine"


def _timed(config: ExperimentConfig, new: dict[str, Job], cache: LatentCache, times: int) -> dict[str, Cost]:
    from lt_bench.ablation.grid_costs import Cost
    from lt_bench.ablation.step_timing import amount, time_model
    from lt_bench.devices import usable_cores
    from lt_bench.errors import LtBenchError

    threads = config.engine.cpus or 1
    if config.engine.name == "local":
        threads = max(1, usable_cores() // min(config.max_parallel, len(new)))
    rules, found = config.evaluation, {}
    whole = amount(cache, rules.split, rules.clips, times)
    with progress_bar() as bar:
        task = bar.add_task("timing", total=len(new))
        for done, (name, job) in enumerate(new.items()):
            bar.update(task, completed=done, description=f"timing {job.system}")
            try:
                found[name] = time_model(job.config, cache, whole, threads)
            except LtBenchError as error:
                found[name] = Cost(None, None, None, " ".join(str(error).split()))
        bar.update(task, completed=len(new))
    return found


@contextmanager
def _cache_to_time_on(config: ExperimentConfig) -> Iterator[tuple[LatentCache | None, int]]:
    """Return a cache to time on (for a missing synthetic cache, a miniature of it) and its ratio of sizes."""
    from lt_bench.cli.caches import ensure_cache, existing_cache

    cache = existing_cache(config.data)
    if cache is not None or config.data.dataset != "synthetic":
        yield cache, 1
        return
    whole = config.data.synthetic
    small = dataclasses.replace(
        whole,
        train_speakers=min(2, whole.train_speakers),
        validation_speakers=min(1, whole.validation_speakers),
        test_speakers=min(1, whole.test_speakers),
    )
    with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder:
        data = dataclasses.replace(config.data, cache=str(Path(folder) / "cache"), synthetic=small)
        speakers = whole.test_speakers if config.evaluation.split == "test" else whole.validation_speakers
        yield ensure_cache(data), speakers


def _loads(jobs: tuple[Job, ...], rows: list[dict[str, Any]], costs: Sequence[Cost]) -> list[Any] | None:
    """Return the remaining work of each unfinished model for the schedule; None where a cost is unknown."""
    from lt_bench.ablation.grid_duration import Load
    from lt_bench.conventions import MODEL_FILE

    left = [k for k, row in enumerate(rows) if row["state"] != "done"]
    place = {rows[k]["system"] + f"/seed{rows[k]['seed']}": number for number, k in enumerate(left)}
    trained = {job.name for job in jobs if (job.folder / MODEL_FILE).exists()}
    loads = []
    for k in left:
        cost, trainer, name = costs[k], rows[k]["trained_by"], jobs[k].name
        if cost.training is None or cost.generating is None or cost.scoring is None:
            return None
        waits = trainer != name and trainer not in trained and name not in trained
        training = cost.training if trainer == name and name not in trained else 0.0
        loads.append(Load(training, cost.generating + cost.scoring, place[trainer] if waits else None))
    return loads
