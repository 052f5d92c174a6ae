"""Train, generate, score and rank a grid of fusion cells; the same command again goes on where it stopped.

Exit code: 0 every cell is done, 1 some failed (each is a row with its reason), 2 bad input.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lt_bench.cli.output import add_json_flag, print_json, stderr_console
from lt_bench.cli.plugins import add_plugin_flag, with_plugins

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.ablation.plan import Job
    from lt_bench.config import ExperimentConfig
    from lt_bench.jobs.snapshot import Snapshot
    from lt_bench.jobs.status import Status
    from lt_bench.leaderboard.build import Leaderboard
    from lt_bench.tracking.background import BackgroundTracker

LEADERBOARD = "leaderboard"
EXPERIMENT_FILE = "experiment.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("experiment", help="YAML file of the experiment")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="a key of the experiment, such as seeds=[0,1]"
    )
    parser.add_argument("--out", metavar="DIR", help="folder of results, in place of the experiment's own")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be done, do nothing")
    parser.add_argument(
        "--rescore", action="store_true", help="score again what is done, as when an asset was absent then"
    )
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check, prepare, run the grid, rank."""
    from lt_bench.ablation.plan import plan_jobs
    from lt_bench.jobs.lifeline import locked_folder

    config = _load(arguments)
    jobs = plan_jobs(config)
    if arguments.dry_run:
        return _dry_run(config, jobs, arguments.json)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with locked_folder(Path(config.out), "lt-bench ablate"):
            return _run(config, jobs, arguments.json, arguments.rescore)
    finally:
        signal.signal(signal.SIGTERM, before)


def _load(arguments: argparse.Namespace) -> ExperimentConfig:
    from lt_bench.ablation.plan import check_experiment
    from lt_bench.config import ExperimentConfig, load_config
    from lt_bench.evaluation.protocol import load_protocol
    from lt_bench.models.fusion import fusion_names

    config = load_config(ExperimentConfig, arguments.experiment, arguments.overrides)
    if arguments.out:
        config = dataclasses.replace(config, out=arguments.out)
    config = dataclasses.replace(config, model=with_plugins(config.model, arguments.plugin))
    check_experiment(config, fusion_names(), arguments.experiment)
    load_protocol(config.evaluation.protocol)
    return config


def _run(config: ExperimentConfig, jobs: tuple[Job, ...], as_json: bool, rescore: bool) -> int:
    from lt_bench.cli.prepare import ensure_cache
    from lt_bench.config import to_yaml
    from lt_bench.files import write_text
    from lt_bench.jobs.folder import check_folder

    out, console = Path(config.out), stderr_console()
    for job in jobs:
        check_folder(job.folder, job.config)
    write_text(out / EXPERIMENT_FILE, to_yaml(config))
    cache = ensure_cache(config.data)
    _check_split(config, cache.real_folder(config.evaluation.split))
    tracker = _open_tracker(config)
    statuses = _run_grid(config, jobs, cache.hash, console, tracker, rescore)
    made = _rank(config, jobs)
    problem = _close_tracker(config, jobs, statuses, cache.hash, made, tracker, console)
    _report(config, jobs, statuses, made, problem, as_json)
    return 1 if any(status.state != "done" for status in statuses) else 0


def _check_split(config: ExperimentConfig, real: Path) -> None:
    from lt_bench.data.real_set import read_real_set
    from lt_bench.errors import ConfigError

    if not any(clip.role == "clip" for clip in read_real_set(real).clips):
        raise ConfigError(
            f"key 'evaluation.split': expected a split with clips, got '{config.evaluation.split}' ({real})"
        )


def _run_grid(
    config: ExperimentConfig,
    jobs: tuple[Job, ...],
    cache_hash: str,
    console: Console,
    tracker: BackgroundTracker,
    rescore: bool,
) -> tuple[Status, ...]:
    from lt_bench.ablation.runner import Resources, run_jobs
    from lt_bench.ablation.tracked import job_record, parent_record, running_record
    from lt_bench.evaluation.protocol import load_protocol
    from lt_bench.evaluation.provenance import git_commit
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.launch import usable_cores, visible_gpus

    class Watcher:
        """Shows, and tells the tracker."""

        begun = False
        followed: ClassVar[set[str]] = set()

        def tick(self, snapshot: Snapshot) -> None:
            display.tick(snapshot)
            for job, runs in zip(jobs, snapshot.running, strict=True):
                if runs and job.name not in self.followed:
                    self.followed.add(job.name)
                    tracker.follow(job.name, partial(running_record, config, job, cache_hash))
            if any(snapshot.running) and not self.begun:
                self.begun = True
                tracker.parent(parent_record(config, cache_hash, git_commit()))

        def ended(self, job: Job, status: Status) -> None:
            display.ended(job, status)
            tracker.child(job_record(config, job, status, cache_hash))

        def stopping(self, workers: int) -> None:
            display.stopping(workers)

    workers = min(config.max_parallel, len(jobs))
    resources = Resources(workers, usable_cores(), visible_gpus(config.train.accelerator))
    protocol_hash = load_protocol(config.evaluation.protocol).hash
    with JobsDisplay(console) as display:
        return run_jobs(jobs, cache_hash, protocol_hash, resources, Watcher(), rescore)


def _rank(config: ExperimentConfig, jobs: tuple[Job, ...]) -> Leaderboard:
    from lt_bench.leaderboard.build import build_leaderboard

    folders = [job.folder for job in jobs]
    return build_leaderboard(folders, Path(config.out) / LEADERBOARD, config.name, samples=config.evaluation.samples)


def _open_tracker(config: ExperimentConfig) -> BackgroundTracker:
    from lt_bench.tracking.background import BackgroundTracker
    from lt_bench.tracking.mlflow_tracker import MlflowTracker

    return BackgroundTracker(MlflowTracker(Path(config.out), config.name, config.tracking_uri))


def _close_tracker(
    config: ExperimentConfig,
    jobs: tuple[Job, ...],
    statuses: tuple[Status, ...],
    cache_hash: str,
    made: Leaderboard,
    tracker: BackgroundTracker,
    console: Console,
) -> str:
    from lt_bench.ablation.tracked import job_record, parent_record
    from lt_bench.evaluation.provenance import git_commit

    # Cells of an earlier call that could not be logged then are logged now; those that were are left alone.
    for job, status in zip(jobs, statuses, strict=True):
        tracker.child(job_record(config, job, status, cache_hash))
    files = (made.csv, made.markdown, made.page, Path(config.out) / EXPERIMENT_FILE)
    tracker.parent(parent_record(config, cache_hash, git_commit(), files))
    if not tracker.close(1.0):
        console.print("logging to MLflow ...")
        tracker.wait()
    if tracker.problem:
        console.print(
            f"MLflow ({tracker.tracker.address}) did not take the runs: {tracker.problem}. All values are in the files "
            f"of {config.out}; the same command logs them again.",
            style="yellow",
            markup=False,
        )
    return tracker.problem


def _report(
    config: ExperimentConfig,
    jobs: tuple[Job, ...],
    statuses: tuple[Status, ...],
    made: Leaderboard,
    problem: str,
    as_json: bool,
) -> None:
    from lt_bench.cli.leaderboard import leaderboard_document, print_leaderboard

    if not as_json:
        print_leaderboard(made)
        return
    document = {
        "name": config.name,
        "out": config.out,
        "cells": _cells(jobs, statuses),
        "leaderboard": leaderboard_document(made),
        "tracking_problem": problem or None,
    }
    print_json(document)


def _cells(jobs: tuple[Job, ...], statuses: tuple[Status, ...]) -> list[dict[str, Any]]:
    return [
        {
            "portrait": job.cell.portrait,
            "audio": job.cell.audio,
            "setting": dict(job.setting),
            "seed": job.seed,
            "state": status.state,
            "reason": status.reason or None,
            "seconds": status.seconds,
            "folder": str(job.folder),
        }
        for job, status in zip(jobs, statuses, strict=True)
    ]


def _dry_run(config: ExperimentConfig, jobs: tuple[Job, ...], as_json: bool) -> int:
    from lt_bench.ablation.runner import inspect
    from lt_bench.evaluation.protocol import load_protocol

    protocol_hash = load_protocol(config.evaluation.protocol).hash
    statuses = tuple(inspect(job, "", protocol_hash) for job in jobs)
    if as_json:
        print_json({"name": config.name, "out": config.out, "cells": _cells(jobs, statuses)})
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
