"""Search hyperparameters: suggest, train, generate, score on the validation split; best configuration and plots.

The same command again goes on where it stopped. Typed several times, on one machine or many, it works on one study
together. Exit code: 0 every trial is complete or pruned, 1 some failed (each with its reason), 2 bad input.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from lt_bench.cli.output import add_json_flag, print_json, stderr_console

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.config import RunConfig
    from lt_bench.data.cache import LatentCache
    from lt_bench.jobs.snapshot import Snapshot
    from lt_bench.search.outcome import Ended
    from lt_bench.search.plan import SearchPlan
    from lt_bench.search.report import SearchReport
    from lt_bench.search.study import Attempt, SharedStudy
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
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check, prepare, search, report."""
    plan = _load(arguments)
    if arguments.dry_run:
        return _dry_run(plan, arguments.json)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(plan, arguments.json)
    finally:
        signal.signal(signal.SIGTERM, before)


def _load(arguments: argparse.Namespace) -> SearchPlan:
    from lt_bench.config import SearchConfig, load_config
    from lt_bench.search.plan import plan_search

    config = load_config(SearchConfig, arguments.search, arguments.overrides)
    if arguments.out:
        config = dataclasses.replace(config, out=arguments.out)
    return plan_search(config, arguments.search)


def _run(plan: SearchPlan, as_json: bool) -> int:
    from lt_bench.evaluation.provenance import git_commit
    from lt_bench.search.report import write_report
    from lt_bench.search.tracked import parent_record

    console = stderr_console()
    cache = _open_cache(plan)
    study = _open_study(plan, cache)
    tracker = _open_tracker(plan, study)
    tracker.parent(parent_record(plan, cache.hash, git_commit()))
    try:
        _search(plan, study, cache.hash, console, tracker)
    finally:
        report = write_report(plan, study)
        # Trials that could not be logged then, or that other commands ran; those that are logged are left alone.
        _track(plan, study, cache.hash, tracker)
        tracker.parent(parent_record(plan, cache.hash, git_commit(), report.files))
        problem = _close_tracker(plan, tracker, console)
    _report(plan, report, problem, as_json)
    return 1 if report.document["failed"] else 0


def _open_cache(plan: SearchPlan) -> LatentCache:
    from lt_bench.cli.prepare import ensure_cache
    from lt_bench.config import to_yaml
    from lt_bench.data.real_set import read_real_set
    from lt_bench.errors import CheckpointError, ConfigError
    from lt_bench.files import write_text
    from lt_bench.jobs.lifeline import locked_folder
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
            f"{plan.checkpoint}: expected a model trained on cache {cache.hash[:16]} ({cache.path}), got {made[:16]}"
        )
    return cache


def _open_study(plan: SearchPlan, cache: LatentCache) -> SharedStudy:
    from lt_bench.search.samplers import TrialSeededSampler, build_pruner
    from lt_bench.search.storage import open_storage
    from lt_bench.search.study import SharedStudy

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
    from lt_bench.jobs.display import JobsDisplay
    from lt_bench.jobs.engines.choose import local_engine
    from lt_bench.search.runner import SearchRunner
    from lt_bench.search.tracked import running_record

    class Watcher:
        """Shows, and tells the tracker."""

        def tick(self, snapshot: Snapshot) -> None:
            display.tick(snapshot)

        def begun(self, attempt: Attempt, config: RunConfig) -> None:
            tracker.follow(attempt.name, partial(running_record, plan, attempt, config, cache_hash))

        def ended(self, ended: Ended) -> None:
            display.say(ended_line(ended), {"failed": "red", "again": "yellow"}.get(ended.outcome, "green"))
            if ended.outcome != "again":
                _track(plan, study, cache_hash, tracker, (ended.attempt.origin,))

        def recovered(self, numbers: Sequence[int]) -> None:
            for number in numbers:
                display.say(f"attempt {number} gave no sign of life; it is tried again", "yellow")

        def stopping(self, workers: int) -> None:
            display.stopping(workers)

    train, workers = plan.base.train, min(plan.config.workers, plan.config.trials)
    engine = local_engine(workers, train.accelerator, train.devices)
    with JobsDisplay(console) as display:
        SearchRunner(plan, study, engine, Watcher()).run()


def ended_line(ended: Ended) -> str:
    """How an attempt ended, on one line."""
    from lt_bench.jobs.display import ended_line as line

    if ended.outcome == "pruned":
        return f"{ended.attempt.name} pruned at step {ended.status.step}"
    again = "; it is tried again" if ended.outcome == "again" else ""
    return f"{line(ended.attempt, ended.status)}{again}"


def _track(
    plan: SearchPlan, study: SharedStudy, cache_hash: str, tracker: BackgroundTracker, only: Sequence[int] = ()
) -> None:
    from lt_bench.search.study import origin_of
    from lt_bench.search.tracked import trial_record

    for trial in study.latest()[: plan.config.trials]:
        origin = origin_of(trial)
        if (
            trial.state.is_finished()
            and (not only or origin in only)
            and (plan.folder(origin) / "config.yaml").exists()
        ):
            tracker.child(trial_record(plan, trial, cache_hash))


def _open_tracker(plan: SearchPlan, study: SharedStudy) -> BackgroundTracker:
    from lt_bench.tracking.background import BackgroundTracker
    from lt_bench.tracking.mlflow_tracker import MlflowTracker

    config = plan.config
    return BackgroundTracker(MlflowTracker(plan.out, config.name, config.tracking_uri, parent_key=study.key))


def _close_tracker(plan: SearchPlan, tracker: BackgroundTracker, console: Console) -> str:
    if not tracker.close(1.0):
        console.print("logging to MLflow ...")
        tracker.wait()
    if tracker.problem:
        console.print(
            f"MLflow ({tracker.tracker.address}) did not take the runs: {tracker.problem}. All values are in the files "
            f"of {plan.config.out}; the same command logs them again.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    return tracker.problem


def _report(plan: SearchPlan, report: SearchReport, problem: str, as_json: bool) -> None:
    if as_json:
        print_json({**report.document, "tracking_problem": problem or None})
        return
    from rich.console import Console
    from rich.table import Table

    document, console = report.document, Console()
    counts = ", ".join(f"{count} {state}" for state, count in document["trials"].items() if count)
    names = [objective["name"] for objective in document["objectives"]]
    title = "Pareto front" if len(names) > 1 else "best"
    table = Table("trial", *names, *plan.space, title=f"{plan.config.name}: {counts}; {title} on the validation split")
    for entry in document["best"]:
        values = [f"{entry['values'][name]:.4g}" for name in names]
        table.add_row(str(entry["trial"]), *values, *(short(entry["params"][key]) for key in plan.space))
    console.print(table)
    for failed in document["failed"]:
        console.print(f"trial {failed['trial']} failed: {failed['reason']}", markup=False, soft_wrap=True)
    for entry in document["best"][:1]:
        console.print(f"lt-bench train --config {entry['config']} --out DIR", soft_wrap=True, highlight=False)
    console.print(f"{document['table']}\n{plan.out / 'plots'}", soft_wrap=True, highlight=False)


def short(value: object) -> str:
    """A value of a key in a table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _dry_run(plan: SearchPlan, as_json: bool) -> int:
    document = {
        "name": plan.config.name,
        "out": str(plan.out),
        "trials": plan.config.trials,
        "objectives": [{"name": o.name, "direction": o.direction} for o in plan.objectives],
        "space": {key: str(values) for key, values in plan.space.items()},
        "storage": "database" if plan.config.storage else str(plan.out / "study.journal"),
    }
    if as_json:
        print_json(document)
        return 0
    from rich.console import Console

    aims = ", ".join(f"{o.direction} {o.name}" for o in plan.objectives)
    lines = [f"{plan.config.name}: {plan.config.trials} trials to {aims}, in {plan.out}"]
    lines += [f"  {key}: {values}" for key, values in plan.space.items()]
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    return 0
