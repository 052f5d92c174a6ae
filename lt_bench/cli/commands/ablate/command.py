"""Train, generate, score and rank a grid of fusion cells; the same command again goes on where it stopped.

Models are made side by side (--max-parallel): by processes of this machine, on a Ray cluster, or as Slurm jobs
(--engine); what a Slurm job is given are keys, such as engine.gpus=1 engine.slurm.partition=gpu; see
docs/how-to/train-on-clusters.md. Cells that differ only in keys of sampling and evaluation share one training. Exit
code: 0 every cell is done, 1 some failed (each is a row with its reason), 2 bad input.
"""

from __future__ import annotations

import argparse
import dataclasses
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, stderr_console
from lt_bench.cli.parsing import at_least
from lt_bench.cli.plugins import add_plugin_flag, with_plugins

if TYPE_CHECKING:
    from lt_bench.ablation.finished_grid import Finished
    from lt_bench.ablation.grid_plan import Job
    from lt_bench.ablation.grid_runner import Rules
    from lt_bench.config import ExperimentConfig
    from lt_bench.data.cache import LatentCache
    from lt_bench.jobs.status import Status
    from lt_bench.leaderboard.build import Leaderboard
    from lt_bench.tracking.background import BackgroundTracker

LEADERBOARD = "leaderboard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("experiment", help="YAML file of the experiment")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="a key of the experiment, such as seeds=[0,1]"
    )
    parser.add_argument("--out", metavar="DIR", help="folder of results, in place of the experiment's own")
    parser.add_argument("--engine", choices=("local", "ray", "slurm"), help="where models are made (engine.name)")
    parser.add_argument("--max-parallel", type=at_least(1), metavar="N", help="models side by side (max_parallel)")
    parser.add_argument(
        "--retries", type=at_least(0), metavar="K", help="how often a model that failed is tried again (engine.retries)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is done, what is left and what it costs, measured; do nothing"
    )
    parser.add_argument(
        "--rescore", action="store_true", help="score again what is done, as when an asset was absent then"
    )
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check, prepare, run the grid, rank."""
    from lt_bench.ablation.grid_plan import check_experiment, plan_jobs
    from lt_bench.jobs.parent_watchdog import locked_folder

    config = _load(arguments)
    if not (arguments.dry_run or arguments.rescore) and (finished := _finished(config)):
        from lt_bench.cli.commands.ablate.summary import say

        say(finished.document, finished.text, arguments.json)
        return 0
    from lt_bench.models.fusion import fusion_names  # brings PyTorch, which takes seconds

    check_experiment(config, fusion_names(), arguments.experiment)
    jobs = plan_jobs(config)
    if arguments.dry_run:
        from lt_bench.cli.commands.ablate.dry_run import dry_run

        return dry_run(config, jobs, arguments.json)
    with locked_folder(Path(config.out), "lt-bench ablate"):
        return _run(config, jobs, arguments.json, arguments.rescore)


def _load(arguments: argparse.Namespace) -> ExperimentConfig:
    from lt_bench.config import ExperimentConfig, load_config
    from lt_bench.evaluation.protocol import load_protocol

    named = {"engine.name": arguments.engine, "max_parallel": arguments.max_parallel}
    named |= {"engine.retries": arguments.retries}
    flags = [f"{key}={value}" for key, value in named.items() if value is not None]
    config = load_config(ExperimentConfig, arguments.experiment, [*arguments.overrides, *flags])
    if arguments.out:
        config = dataclasses.replace(config, out=arguments.out)
    config = dataclasses.replace(config, model=with_plugins(config.model, arguments.plugin))
    load_protocol(config.evaluation.protocol)
    return config


def _finished(config: ExperimentConfig) -> Finished | None:
    """What the same command said when this very grid was finished; None where there may be something to do."""
    from lt_bench.ablation.finished_grid import FILE, finished_key, read_finished
    from lt_bench.ablation.grid_plan import plan_jobs
    from lt_bench.evaluation.protocol import load_protocol
    from lt_bench.tracking.mlflow_tracker import DATABASE

    out = Path(config.out)
    tracked = config.tracking_uri or (out / DATABASE).exists()
    if not (tracked and (out / FILE).exists()):
        return None
    key = finished_key(config, load_protocol(config.evaluation.protocol).hash)
    return read_finished(out, key, plan_jobs(config))


def _run(config: ExperimentConfig, jobs: tuple[Job, ...], as_json: bool, rescore: bool) -> int:
    from lt_bench.ablation.finished_grid import finished_key
    from lt_bench.ablation.grid_runner import Rules
    from lt_bench.cli.announce import announce_missing
    from lt_bench.cli.commands.ablate.follow import EXPERIMENT_FILE, close_tracker, open_tracker
    from lt_bench.cli.commands.ablate.summary import report
    from lt_bench.config import to_yaml
    from lt_bench.evaluation.protocol import load_protocol
    from lt_bench.files import remove_leftovers, write_text
    from lt_bench.jobs.engines.choose import check_engine
    from lt_bench.jobs.folder import check_folder
    from lt_bench.jobs.status import read_status

    out, protocol_hash = Path(config.out), load_protocol(config.evaluation.protocol).hash
    for job in jobs:
        check_folder(job.folder, job.config)
    check_engine(config.engine, out)
    begun = rescore or any(read_status(job.folder).state != "done" for job in jobs)
    if begun:
        _check_before(config, jobs)
    write_text(out / EXPERIMENT_FILE, to_yaml(config))
    cache = _open_cache(config)
    if begun:
        announce_missing(jobs[0].config, cache.real_folder(config.evaluation.split))
    key = finished_key(config, protocol_hash)
    remove_leftovers(out)
    tracker = open_tracker(config)
    rules = Rules(cache.hash, protocol_hash, config.engine.retries, rescore)
    statuses = _run_grid(config, jobs, rules, tracker)
    made = _rank(config, jobs)
    problem = close_tracker(config, jobs, statuses, cache.hash, made, tracker, stderr_console())
    report(config, key, jobs, statuses, made, problem, as_json)
    return 1 if any(status.state != "done" for status in statuses) else 0


def _check_before(config: ExperimentConfig, jobs: tuple[Job, ...]) -> None:
    """Refuse what would fail only after the first training."""
    from lt_bench.jobs.prerequisites import check_device, check_generation, check_output

    check_output(Path(config.out))
    check_generation(jobs[0].config)
    if config.engine.name == "local":
        check_device(jobs[0].config)


def _open_cache(config: ExperimentConfig) -> LatentCache:
    """Prepared once, here, before any worker starts."""
    from lt_bench.cli.caches import ensure_cache
    from lt_bench.data.real_set import read_real_set
    from lt_bench.errors import ConfigError

    cache = ensure_cache(config.data)
    real = cache.real_folder(config.evaluation.split)
    if not any(clip.role == "clip" for clip in read_real_set(real).clips):
        raise ConfigError(
            f"key 'evaluation.split': expected a split with clips, got '{config.evaluation.split}' ({real})"
        )
    return cache


def _run_grid(
    config: ExperimentConfig, jobs: tuple[Job, ...], rules: Rules, tracker: BackgroundTracker
) -> tuple[Status, ...]:
    from lt_bench.ablation.grid_runner import run_jobs
    from lt_bench.cli.commands.ablate.follow import Follower
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.engines.choose import open_engine

    workers, train = min(config.max_parallel, len(jobs)), config.train
    with (
        closing(open_engine(config.engine, workers, Path(config.out), train.accelerator, train.devices)) as engine,
        JobsDisplay(stderr_console()) as display,
    ):
        return run_jobs(jobs, rules, engine, Follower(config, jobs, rules.cache_hash, display, tracker))


def _rank(config: ExperimentConfig, jobs: tuple[Job, ...]) -> Leaderboard:
    from lt_bench.leaderboard.build import build_leaderboard

    folders = [job.folder for job in jobs]
    return build_leaderboard(folders, Path(config.out) / LEADERBOARD, config.name, samples=config.evaluation.samples)
