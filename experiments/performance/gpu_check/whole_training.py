"""``lt_bench.training.run.train`` as users run it: loading processes, pinned memory, Lightning's loop, checkpoint."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from made_up_cache import make_cache
from plan import Plan
from running import Figures
from step_profile import count_calls, profiler
from torch.profiler import record_function

from lt_bench.training.run import train

STEADY = "steady state"


class Profile(pl.Callback):
    """Profiles some steps, from the end of the one before to the end of the last."""

    def __init__(self, plan: Plan) -> None:
        self.found, self.steps = profiler(plan), profiled_steps(plan)
        self._mark = record_function(STEADY)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Start or stop the clock at a step."""
        if trainer.global_step == self.steps.start:
            self.found.start()
            self._mark.__enter__()
        elif trainer.global_step == self.steps.stop:
            self._mark.__exit__(None, None, None)
            self.found.stop()


def measure(plan: Plan) -> Figures:
    """Train the first preset on a made-up cache."""
    config = plan.run_config(plan.presets[0], steps=plan.train_steps, log_every=plan.log_every, batch_size=plan.windows)
    with tempfile.TemporaryDirectory() as folder:
        cache = make_cache(Path(folder) / "cache", plan)
        watch = Profile(plan)
        outcome = train(config, Path(folder) / "run", cache, [watch], progress=False)
        rate = steps_per_second(Path(folder) / "run")
    calls = count_calls(watch.found, STEADY, plan)
    return {
        "steps_per_second": rate,
        "loss": outcome.loss if outcome.loss is not None else "none",
        **{name: value / len(watch.steps) for name, value in calls.items()},
    }


def profiled_steps(plan: Plan) -> range:
    """Steps between the first row of ``metrics.csv`` and the second, which log nothing."""
    first = plan.log_every + 1
    return range(first, first + max(1, plan.log_every // 5))


def steps_per_second(run: Path) -> float:
    """Of the steps between the last two rows of a run's ``metrics.csv``."""
    with (run / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    first, last = rows[-2:]
    return (int(last["step"]) - int(first["step"])) / (float(last["seconds"]) - float(first["seconds"]))
