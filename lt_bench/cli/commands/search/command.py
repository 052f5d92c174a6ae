"""Search hyperparameters: train, generate and score trials on the validation split; write the best configuration.

Rerun the same command to resume. Several commands, on one machine or many, can work on one study together. Exit code: 0
every trial is complete or pruned, 1 some failed (each with its reason), 2 bad input.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, stderr_console
from lt_bench.cli.plugin_option import add_plugin_flag, with_plugins

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.data.cache import LatentCache
    from lt_bench.search.search_plan import SearchPlan
    from lt_bench.search.shared_study import SharedStudy
    from lt_bench.tracking.background import BackgroundTracker

SEARCH_FILE = "search.yaml"
PATIENCE = 24 * 3600.0
"""Seconds to wait for another command that prepares the same cache."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("search", help="YAML file of the search")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of the search, such as trials=50")
    parser.add_argument("--out", metavar="DIR", help="folder of results, in place of the search's own")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be done, do nothing")
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the search, prepare its cache, run its trials and report."""
    plan = _load(arguments)
    if arguments.dry_run:
        from lt_bench.cli.commands.search.trial_table import print_plan

        print_plan(plan, arguments.json)
        return 0
    return _run(plan, arguments.json)


def _load(arguments: argparse.Namespace) -> SearchPlan:
    from lt_bench.config import SearchConfig, load_config
    from lt_bench.search.search_plan import plan_search

    config = load_config(SearchConfig, arguments.search, arguments.overrides)
    if arguments.out:
        config = dataclasses.replace(config, out=arguments.out)
    config = dataclasses.replace(config, model=with_plugins(config.model, arguments.plugin))
    return plan_search(config, arguments.search)


def _run(plan: SearchPlan, as_json: bool) -> int:
    from lt_bench.cli.announce import announce_missing
    from lt_bench.cli.commands.search.search_follower import open_tracker, track
    from lt_bench.cli.commands.search.trial_table import print_report
    from lt_bench.cli.tracking import wait_for_tracker
    from lt_bench.evaluation.stores.provenance import git_commit
    from lt_bench.search.study_report import write_report
    from lt_bench.search.study_tracking import parent_record

    console = stderr_console()
    _check_before(plan)
    cache = _open_cache(plan)
    _check_objectives(plan, announce_missing(plan.base, cache.real_folder(plan.base.evaluation.split)))
    study = _open_study(plan, cache)
    tracker = open_tracker(plan, study)
    tracker.parent(parent_record(plan, cache.hash, git_commit()))
    try:
        _search(plan, study, cache.hash, console, tracker)
    finally:
        report = write_report(plan, study)
        # Trials that could not be logged then, or that other commands ran; those that are logged are left alone.
        track(plan, study, cache.hash, tracker)
        tracker.parent(parent_record(plan, cache.hash, git_commit(), report.files))
        problem = wait_for_tracker(tracker, plan.config.out, console)
    print_report(plan, report, problem, as_json)
    return 1 if report.document["failed"] else 0


def _check_before(plan: SearchPlan) -> None:
    """Refuse settings that would fail only after the first training."""
    from lt_bench.jobs.prerequisites import check_device, check_generation, check_output

    check_output(plan.out)
    check_generation(plan.base)
    check_device(plan.base)


def _check_objectives(plan: SearchPlan, missing: Mapping[str, str]) -> None:
    from lt_bench.errors import ConfigError

    for objective in plan.objectives:
        if objective.name in missing:
            reason = missing[objective.name]
            raise ConfigError(f"key 'objectives': expected scores that can be computed, got {objective.name}: {reason}")


def _open_cache(plan: SearchPlan) -> LatentCache:
    from lt_bench.cli.caches import ensure_cache
    from lt_bench.config import to_yaml
    from lt_bench.data.real_set import read_real_set
    from lt_bench.errors import CheckpointError, ConfigError
    from lt_bench.files import write_text
    from lt_bench.jobs.parent_watchdog import locked_folder
    from lt_bench.models.checkpoint import read_card

    with locked_folder(plan.out / ".prepare", "lt-bench search", PATIENCE):
        write_text(plan.out / SEARCH_FILE, to_yaml(plan.config))
        cache = ensure_cache(plan.base.data)
    real = cache.real_folder(plan.base.evaluation.split)
    if not any(clip.role == "clip" for clip in read_real_set(real).clips):
        raise ConfigError(f"key 'evaluation.split': expected a split with clips, got none in {real}")
    made = read_card(plan.checkpoint).cache_hash if plan.checkpoint else cache.hash
    if made != cache.hash:
        raise CheckpointError(
            f"{plan.checkpoint}: expected a model trained on cache {cache.hash[:16]} ({cache.path}), got {made[:16]}; "
            "name its cache in data.cache"
        )
    return cache


def _open_study(plan: SearchPlan, cache: LatentCache) -> SharedStudy:
    from lt_bench.search.optuna_samplers import TrialSeededSampler, build_pruner
    from lt_bench.search.shared_study import SharedStudy
    from lt_bench.search.storage import open_storage

    config = plan.config
    storage, heartbeats = open_storage(config.storage, plan.out, config.name, config.heartbeat, config.grace)
    study = SharedStudy(
        config.name,
        storage,
        heartbeats,
        plan.objectives,
        plan.space,
        TrialSeededSampler(config.sampler),
        build_pruner(config.pruner, config.train.steps),
        config.retries,
    )
    study.check_facts(plan.facts(cache.hash))
    return study


def _search(
    plan: SearchPlan, study: SharedStudy, cache_hash: str, console: Console, tracker: BackgroundTracker
) -> None:
    from lt_bench.cli.commands.search.search_follower import Follower
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.engines.choose import local_engine
    from lt_bench.search.trial_runner import SearchRunner

    train, workers = plan.base.train, min(plan.config.workers, plan.config.trials)
    engine = local_engine(workers, train.accelerator, train.devices)
    with JobsDisplay(console) as display:
        SearchRunner(plan, study, engine, Follower(plan, study, cache_hash, display, tracker)).run()
