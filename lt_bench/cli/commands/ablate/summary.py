"""The final report of ``lt-bench ablate``, repeated while nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import print_json

if TYPE_CHECKING:
    from lt_bench.ablation.grid_plan import Job
    from lt_bench.config import ExperimentConfig
    from lt_bench.jobs.job_status import Status
    from lt_bench.leaderboard.build import Leaderboard


def report(
    config: ExperimentConfig,
    key: str,
    jobs: tuple[Job, ...],
    statuses: tuple[Status, ...],
    made: Leaderboard,
    problem: str,
    as_json: bool,
) -> None:
    """Report how a grid ended, and store the report if nothing is left to do.

    Args:
        config: the experiment.
        key: result of ``finished_key``.
        jobs: the grid's models.
        statuses: status of each job, in order.
        made: the ranking.
        problem: reason why tracking is incomplete; empty if everything was logged.
        as_json: print the report as JSON.
    """
    from lt_bench.ablation.finished_grid import write_finished
    from lt_bench.cli.commands.ablate.dry_run import cells
    from lt_bench.cli.commands.leaderboard import leaderboard_document, leaderboard_text, print_leaderboard

    document = {
        "name": config.name,
        "out": config.out,
        "cells": cells(jobs, statuses),
        "leaderboard": leaderboard_document(made),
        "tracking_problem": problem or None,
    }
    if key and not problem and all(status.state == "done" for status in statuses):
        files = (made.csv, made.markdown, made.latex, made.page)
        write_finished(Path(config.out), key, jobs, files, document, leaderboard_text(made))
    if as_json:
        print_json(document)
    else:
        print_leaderboard(made)


def say(document: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a stored report again."""
    if as_json:
        print_json(document)
    else:
        print(text)
