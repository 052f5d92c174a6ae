"""Train one model: from a run's YAML to a model file, a curve and a checkpoint.

Prepares the latent cache first if it does not exist. The same command resumes a killed run, and does nothing if the
model exists. With more train.steps it prolongs a run whose learning rate is constant (train.decay). On SIGTERM it saves
at the end of the step and ends with code 143. For several devices see train.devices, train.nodes, train.strategy and
docs/cluster.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json, stderr_console
from lt_bench.cli.plugin_option import add_plugin_flag, with_plugins
from lt_bench.cli.tracking import tell_problem

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback

    from lt_bench.config import RunConfig
    from lt_bench.data.cache import LatentCache

EXPERIMENT = "train"
"""Name of the MLflow experiment of runs that belong to no grid and no search."""
CLOSING = 60.0
"""Seconds that the command waits after training for pending logs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--config", required=True, metavar="RUN.yaml", help="configuration of the run")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the run")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of the configuration, as train.seed=1")
    parser.add_argument(
        "--tracking",
        default=os.environ.get("MLFLOW_TRACKING_URI", ""),
        metavar="URI",
        help="MLflow server, or off (default: MLFLOW_TRACKING_URI, else an sqlite file in the run's folder)",
    )
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train the model and report."""
    from lt_bench.config import RunConfig, load_config

    config = load_config(RunConfig, arguments.config, arguments.overrides)
    config = dataclasses.replace(config, model=with_plugins(config.model, arguments.plugin))
    from lightning.pytorch.utilities import rank_zero_only

    # Of the process that Slurm, torchrun or Lightning started; the others of a run leave all reports to the first.
    first = not getattr(rank_zero_only, "rank", 0)
    from lt_bench.cli.caches import ensure_cache, wait_for_cache
    from lt_bench.evaluation.protocol import load_protocol
    from lt_bench.jobs.prerequisites import check_device, check_generation, check_output
    from lt_bench.jobs.status_callback import TellStart
    from lt_bench.plugins import load_plugins
    from lt_bench.training.callbacks.preemption import PREEMPTED_CODE, Preempted
    from lt_bench.training.config_check import check_run
    from lt_bench.training.hardware import resolve_run
    from lt_bench.training.run import train
    from lt_bench.training.trainer import check_launch

    load_plugins(config.model.plugins)
    config = resolve_run(config)
    check_run(config)  # before the cache, which may take hours
    check_launch(config.train, os.environ)
    load_protocol(config.evaluation.protocol)
    check_output(arguments.out)
    if not config.train.nodes > 1:
        check_device(config)
    if config.evaluation.score_every:
        check_generation(config)
    cache = ensure_cache(config.data) if first else wait_for_cache(config.data)

    try:
        with (
            _alone(arguments.out) if first else nullcontext(),
            _ending_with_the_first(first),
            _tracked(config, arguments.out, cache, arguments.tracking if first else "off") as callbacks,
        ):
            saved = TellStart(lambda: _begin(config, arguments.out, cache))
            outcome = train(config, arguments.out, cache, callbacks=[saved, *callbacks])
    except Preempted as stop:
        if not first:  # a code other than 0 would make Lightning kill the first process
            return 0
        told = f"lt-bench train: stopped and saved at step {stop.step}; the same command goes on from there"
        print(f"{told}:\n{arguments.typed}", file=sys.stderr)
        return PREEMPTED_CODE
    if not first:
        return 0
    report: dict[str, Any] = {
        "model": str(outcome.model_file),
        "steps": outcome.steps,
        "resumed_from": outcome.resumed_from,
        "seconds": outcome.seconds,
        "loss": outcome.loss,
        "parameters": outcome.parameters,
        "peak_memory": outcome.peak_memory,
        "cache": str(cache.path),
        "cache_hash": cache.hash,
    }
    if arguments.json:
        print_json(report)
    else:
        stderr_console().print(
            f"{outcome.steps} steps in {outcome.seconds:.1f} s, {outcome.parameters / 1e6:.2f} M parameters, "
            f"peak memory {outcome.peak_memory / 2**30:.2f} GiB",
            highlight=False,
        )
        print(outcome.model_file)
    return 0


def _begin(config: RunConfig, out: Path, cache: LatentCache) -> None:
    """Save what repeats the run; report how it computes and which scores it will lack."""
    from lt_bench.cli.announce import announce_missing
    from lt_bench.config import to_yaml
    from lt_bench.conventions import CONFIG_FILE
    from lt_bench.files import write_text
    from lt_bench.training.callbacks.validation_scores import SPLIT
    from lt_bench.training.hardware import summary

    stderr_console().print(summary(config.train), highlight=False)
    if config.evaluation.score_every:
        announce_missing(config, cache.real_folder(SPLIT))
    write_text(out / CONFIG_FILE, to_yaml(config))


@contextmanager
def _ending_with_the_first(first: bool) -> Iterator[None]:
    """Tie the processes that Lightning starts to the first one; otherwise they would wait for it on their GPUs."""
    from lt_bench.jobs.parent_watchdog import PARENT, die_with_parent

    if not first:
        die_with_parent()  # at once where the first has ended by now; never where another launcher started this one
        yield
        return
    before = os.environ.get(PARENT)
    os.environ[PARENT] = str(os.getpid())
    try:
        yield
    finally:
        os.environ.pop(PARENT) if before is None else os.environ.update({PARENT: before})


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Lock the run's folder, and remove files that a killed command left incomplete there."""
    from lt_bench.files import remove_leftovers
    from lt_bench.jobs.parent_watchdog import locked_folder

    with locked_folder(out, "lt-bench train"):
        remove_leftovers(out)
        yield


@contextmanager
def _tracked(config: RunConfig, out: Path, cache: LatentCache, uri: str) -> Iterator[list[Callback]]:
    """Log the run to MLflow while it trains; a failing server does not stop training."""
    if uri == "off":
        yield []
        return
    from lt_bench.conventions import SYSTEM_FILE
    from lt_bench.evaluation.stores.provenance import git_commit
    from lt_bench.jobs.job_tracking import running_record, trained_record
    from lt_bench.jobs.status_callback import TellStart
    from lt_bench.tracking.background import BackgroundTracker
    from lt_bench.tracking.mlflow_tracker import MlflowTracker
    from lt_bench.tracking.system import SystemSampler

    name, begun = out.resolve().name, []
    commit = git_commit()
    tags = {"cache_hash": cache.hash, **({"git_commit": commit} if commit else {})}
    tracker = BackgroundTracker(MlflowTracker(out, EXPERIMENT, uri), nested=False)

    def begin() -> None:
        begun.append(True)
        tracker.follow(name, lambda: running_record(name, config, out, tags, cache.hash))

    failed = "stopped"
    try:
        with SystemSampler(out / SYSTEM_FILE):
            yield [TellStart(begin)]
        failed = ""
    except Exception as error:
        failed = " ".join(f"{type(error).__name__}: {error}".split())
        raise
    finally:
        if begun or not failed:  # a run that was refused is no run
            tracker.child(trained_record(name, config, out, tags, cache.hash, failed))
        tracker.close(CLOSING)
        tell_problem(tracker, out, stderr_console())
