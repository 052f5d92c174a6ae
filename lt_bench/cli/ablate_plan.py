"""What ``lt-bench ablate --dry-run`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import print_json

if TYPE_CHECKING:
    from lt_bench.ablation.plan import Job
    from lt_bench.config import ExperimentConfig
    from lt_bench.jobs.status import Status


def cells(jobs: tuple[Job, ...], statuses: tuple[Status, ...]) -> list[dict[str, Any]]:
    """The models of a grid, as documents."""
    from lt_bench.ablation.sharing import share_trainings

    trainers = share_trainings(jobs)
    return [
        {
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
    """Check everything, say what would be done, do nothing."""
    from lt_bench.ablation.inspection import inspect
    from lt_bench.evaluation.protocol import load_protocol

    protocol_hash = load_protocol(config.evaluation.protocol).hash
    statuses = tuple(inspect(job, "", protocol_hash) for job in jobs)
    if as_json:
        print_json({"name": config.name, "out": config.out, "cells": cells(jobs, statuses)})
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "cell", "seed", "now", "folder", title=f"{config.name}: {len(jobs)} models, {config.train.steps} steps"
    )
    for job, status in zip(jobs, statuses, strict=True):
        table.add_row(job.system, str(job.seed), status.state, str(job.folder))
    Console().print(table)
    return 0
