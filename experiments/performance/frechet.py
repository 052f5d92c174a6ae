"""Compare the exact low-rank Frechet distance with scipy's matrix root in one run.

    python experiments/performance/frechet.py --out experiments/performance/frechet.json

Both get the same features (random, d = 2048, N = 500 on either side). The root's value is computed as usual: a
2048 x 2048 product of covariances, its square root by ``scipy.linalg.sqrtm``, the trace of the real part.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from measure import machine
from numpy import ndarray

from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.files import write_json


def by_root(x: ndarray, y: ndarray) -> float:
    """Compute equation 6 of Heusel et al. 2017 with a matrix root."""
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second)
    shift = x.mean(axis=0) - y.mean(axis=0)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * np.trace(np.real(np.asarray(root))))


def timed(run: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """Return the value, median seconds and median CPU seconds of this process."""
    walls, cpus, value = [], [], 0.0
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        value = run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return value, statistics.median(walls), statistics.median(cpus)


def main() -> None:
    """Measure both methods and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(arguments.dim, arguments.dim)) / np.sqrt(arguments.dim)
    x = rng.normal(size=(arguments.rows, arguments.dim)) @ mixing
    y = rng.normal(size=(arguments.rows, arguments.dim)) @ mixing * 1.1 + 0.05
    ours, ours_wall, ours_cpu = timed(lambda: frechet_distance(x, y), 3 * arguments.repeats)
    theirs, root_wall, root_cpu = timed(lambda: by_root(x, y), arguments.repeats)
    document = {
        "dim": arguments.dim,
        "rows": arguments.rows,
        "repeats_of_the_root": arguments.repeats,
        "low_rank": {"value": ours, "seconds": ours_wall, "cpu_seconds": ours_cpu},
        "sqrtm": {"value": theirs, "seconds": root_wall, "cpu_seconds": root_cpu},
        "ratio_of_seconds": root_wall / ours_wall,
        "ratio_of_cpu_seconds": root_cpu / ours_cpu,
        "relative_difference": abs(ours - theirs) / abs(theirs),
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
    }
    write_json(arguments.out, {**document, "machine": machine()})
    print(document)


if __name__ == "__main__":
    main()
