"""Train one model: from a run's YAML to a model file, a curve and a checkpoint.

Prepares the latent cache first where it does not exist. The same command goes on where a killed run stopped, and does
nothing when the model is there. On SIGTERM it saves at the end of the step and ends with code 143. Several devices:
train.devices, train.nodes, train.strategy; see docs/cluster.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lt_bench.cli.output import add_json_flag, print_json, stderr_console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--config", required=True, metavar="RUN.yaml", help="configuration of the run")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the run")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of the configuration, as train.seed=1")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train and report."""
    from lt_bench.config import RunConfig, load_config

    config = load_config(RunConfig, arguments.config, arguments.overrides)
    from lightning.pytorch.utilities import rank_zero_only

    # Of the process that Slurm, torchrun or Lightning started; the others of a run leave all reports to the first.
    first = not getattr(rank_zero_only, "rank", 0)
    from lt_bench.cli.prepare import ensure_cache, wait_for_cache

    cache = ensure_cache(config.data) if first else wait_for_cache(config.data)

    from lt_bench.training.preemption import PREEMPTED_CODE, Preempted
    from lt_bench.training.run import train

    try:
        outcome = train(config, arguments.out, cache)
    except Preempted as stop:
        if not first:  # a code other than 0 would make Lightning kill the first process
            return 0
        print(f"lt-bench train: stopped and saved at step {stop.step}; the same command goes on", file=sys.stderr)
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
