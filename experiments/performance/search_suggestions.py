"""Measure the time that a search takes to start a trial after many trials, for each sampler and kind of storage.

python experiments/performance/search_suggestions.py --out experiments/performance/search_suggestions.json
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from measure import machine
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner
from optuna.trial import create_trial

from lt_bench.config import SearchSamplerConfig
from lt_bench.files import write_json
from lt_bench.search.optuna_samplers import TrialSeededSampler
from lt_bench.search.shared_study import SharedStudy
from lt_bench.search.storage import open_storage
from lt_bench.search.trial_objective import Objective

SPACE: dict[str, BaseDistribution] = {
    "train.learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "train.weight_decay": CategoricalDistribution((0.0, 0.01, 0.1)),
    "train.warmup_steps": IntDistribution(0, 100, step=20),
    "train.ema_decay": FloatDistribution(0.95, 0.999),
    "model.fusion.portrait": CategoricalDistribution(("direct", "siamese", "symbiotic")),
    "model.fusion.audio": CategoricalDistribution(("direct", "siamese", "symbiotic")),
}
OBJECTIVES = (Objective("lip_corr", "maximize"), Objective("identity_probe", "maximize"))
CASES = [
    ("journal", "tpe", 1),
    ("sqlite", "tpe", 1),
    ("journal", "tpe", 2),
    ("journal", "nsga2", 2),
]


def main() -> None:
    """Measure every case and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=1000, help="finished trials (default: 1000)")
    parser.add_argument("--suggestions", type=int, default=7, help="measured (default: 7)")
    arguments = parser.parse_args()
    cases = [measure(*case, arguments.trials, arguments.suggestions) for case in CASES]
    document = {"finished_trials": arguments.trials, "keys": len(SPACE), "python": platform.python_version()}
    write_json(arguments.out, {**document, "optuna": optuna.__version__, "cases": cases, "machine": machine()})


def measure(storage: str, sampler: str, objectives: int, trials: int, suggestions: int) -> dict[str, Any]:
    """Return the seconds from a request to a trial with all its values in an open study, and to open the study."""
    with tempfile.TemporaryDirectory() as folder:
        study = open_study(Path(folder), storage, sampler, objectives)
        fill(study, trials)
        start = time.perf_counter()
        study = open_study(Path(folder), storage, sampler, objectives)
        study.latest()
        opening = time.perf_counter() - start
        seconds, cpu = [], []
        for _ in range(suggestions):
            start, cpu_start = time.perf_counter(), time.process_time()
            attempt = study.claim(trials + suggestions)
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
            assert attempt is not None
            study.complete(attempt, [0.5] * objectives)
    case = {"storage": storage, "sampler": sampler, "objectives": objectives, "seconds_to_open": round(opening, 4)}
    case |= {"seconds_median": round(statistics.median(seconds), 4), "seconds_most": round(max(seconds), 4)}
    # On a busy machine, only processor times are comparable.
    case |= {"cpu_seconds_median": round(statistics.median(cpu), 4), "load_average": round(os.getloadavg()[0], 1)}
    print(case, flush=True)
    return case


def open_study(folder: Path, storage: str, sampler: str, objectives: int) -> SharedStudy:
    """Open a study as a command does."""
    url = f"sqlite:///{folder / 'study.db'}" if storage == "sqlite" else ""
    opened, beats = open_storage(url, folder, "speed", 15, 90)
    suggests = TrialSeededSampler(SearchSamplerConfig(name=sampler))  # type: ignore[arg-type]
    return SharedStudy("speed", opened, beats, OBJECTIVES[:objectives], SPACE, suggests, NopPruner(), 2)


def fill(study: SharedStudy, count: int) -> None:
    """Add finished trials with random values, because only the time matters here."""
    rng = np.random.default_rng(0)
    trials = []
    for _ in range(count):
        params = {key: _draw(values, rng) for key, values in SPACE.items()}
        values = list(rng.random(len(study.objectives)))
        trials.append(create_trial(params=params, distributions=SPACE, values=values))
    study.study.add_trials(trials)


def _draw(values: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(values, CategoricalDistribution):
        return values.choices[int(rng.integers(len(values.choices)))]
    if isinstance(values, IntDistribution):
        return int(rng.integers(values.low // values.step, values.high // values.step + 1)) * values.step
    assert isinstance(values, FloatDistribution)
    return float(rng.uniform(values.low, values.high))


if __name__ == "__main__":
    main()
