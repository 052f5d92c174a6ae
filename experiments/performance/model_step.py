"""Compare a training step and a sampling step of preset S with its peers, in one run on this machine's CPU.

    python experiments/performance/model_step.py [--release FOLDER] [--out FILE] [--rounds 7] [--threads 2] [--plain]

The input is 16 frames of 16x16x4 latents (128 pixels of an SD-type autoencoder), 32 audio tokens per frame, batch 1,
float32. FOLDER is a checkout of github zhang-haojie/LetsTalk (commit 26660f1; needs timm and einops). Without it, its
rows are skipped and the reason is printed. ``lt_bench (heap kept)`` is lt_bench as ``lt-bench train`` runs it; peers
run plain, as their own scripts do. Further rows are Latte with lt_bench's allocator setting, and lt_bench compiled,
which takes minutes to start; ``--plain`` skips them. "Products alone" repeats only the matrix products and the
attention of lt_bench's step, which are a lower bound for a step of this network.

Each row runs in a separate process of up to 4 GB. Within a round the rows take turns in a rotating order. A sampling
step follows one that is not timed, and every round also measures the matrix-product peak. Seconds are medians over
rounds. Shares of the peak and ratios are medians of the values within each round, because the speed of the machine
varies from minute to minute. ``wall`` is the time a user waits. ``cpu`` is the processor time of all threads divided by
their number, which other processes affect less.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from subjects import LATTE, OURS, RELEASE
from workers import TASKS, Entry, Taken, Worker, count_operations, measure

from lt_bench.files import write_json

PRODUCTS = ((2048, 2048, 2048), (1024, 1024, 1024), (2048, 384, 1536))
"""Rows, inner size and columns of the products whose best rate is the peak."""
CLOCKS = ("wall", "cpu")
SHORT = ("sampling step",)
"""Tasks that are timed after an untimed call, because a process that has waited finds cold caches."""
MINE = Entry(OURS, heap=True)
PEERS = [Entry(LATTE), Entry(RELEASE)]
OTHERS = [Entry(LATTE, heap=True), Entry(OURS, heap=True, compiled=True)]
BOUND = Entry(OURS, heap=True, products_only=True)


def peak_products() -> dict[tuple[int, int, int], Callable[[], object]]:
    """Return matrix products that write to preallocated outputs."""

    def product(m: int, k: int, n: int) -> Callable[[], object]:
        a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        repeats = max(1, round(2048**3 / (m * k * n)))
        return lambda: [torch.mm(a, b, out=out) for _ in range(repeats)]

    return {shape: product(*shape) for shape in PRODUCTS}


def product_operations(shape: tuple[int, int, int]) -> int:
    """Return the operations of one call of a product."""
    m, k, n = shape
    return 2 * m * k * n * max(1, round(2048**3 / (m * k * n)))


def start(entries: list[Entry], release: Path | None, threads: int) -> tuple[list[Worker], dict[str, str]]:
    """Start the workers that can be built here, and return the reasons for the others."""
    missing = {RELEASE: "no --release FOLDER was given"} if release is None else {}
    kept = [entry for entry in entries if entry.subject not in missing]
    workers = [Worker(entry, release, threads) for entry in kept]
    for worker in workers:
        worker.wait()
    return workers, missing


def run_rounds(workers: list[Worker], rounds: int, threads: int) -> tuple[dict, dict]:
    """Measure times by (row, task) and by product."""
    times: dict[tuple[str, str], list[Taken]] = {(w.entry.name, task): [] for w in workers for task in TASKS}
    products = peak_products()
    peaks: dict[tuple[int, int, int], list[Taken]] = {shape: [] for shape in products}
    for round_ in range(-1, rounds):  # the first warms up
        for task in TASKS:
            for place in range(len(workers)):
                worker = workers[(place + round_) % len(workers)]
                if task in SHORT:
                    worker.take(task)
                taken = worker.take(task)
                if round_ >= 0:
                    times[worker.entry.name, task].append(taken)
            for shape, run in products.items():
                taken = measure(run, threads)
                if round_ >= 0:
                    peaks[shape].append(taken)
        print(f"round {round_ + 1} of {rounds}", file=sys.stderr)
    return times, peaks


def summarise(workers: list[Worker], counted: dict, times: dict, peaks: dict) -> dict[str, Any]:
    """Compute medians, rates and ratios."""
    peak = {clock: _peak_by_round(peaks, clock) for clock in CLOCKS}
    rates = {
        (worker.entry.name, task, clock): counted[worker.entry.subject][task]
        / np.array([getattr(t, clock) for t in times[worker.entry.name, task]])
        for worker in workers
        for task in TASKS
        for clock in CLOCKS
    }
    rows = []
    for task in TASKS:
        for worker in workers:
            name, operations = worker.entry.name, counted[worker.entry.subject][task]
            row = {"task": task, "subject": name, "gflop": operations / 1e9}
            for clock in CLOCKS:
                rate = rates[name, task, clock]
                row |= {
                    f"{clock}_seconds": float(operations / np.median(rate)),
                    f"{clock}_gflops": float(np.median(rate)) / 1e9,
                    f"{clock}_of_peak": float(np.median(rate / peak[clock])),
                }
            rows.append(row)
    peers = [entry for entry in PEERS if entry.subject in counted]
    return {
        "peak_gflops": {clock: float(np.median(values)) / 1e9 for clock, values in peak.items()},
        "rows": rows,
        "ours_over_best_peer": {
            f"{task}, {clock}, {what}": _ratio(rates, counted, peers, task, clock, what == "per step")
            for task in TASKS
            for clock in CLOCKS
            for what in ("per operation", "per step")
        },
    }


def _peak_by_round(peaks: dict, clock: str) -> np.ndarray:
    """Return the operations per second of the best product, in each round (two sets of them)."""
    rates = [product_operations(shape) / np.array([getattr(t, clock) for t in ts]) for shape, ts in peaks.items()]
    return np.max(rates, axis=0).reshape(-1, len(TASKS)).max(1)


def _ratio(rates: dict, counted: dict, peers: list[Entry], task: str, clock: str, per_step: bool) -> float:
    """Return the speed of lt_bench, as it is run, relative to the better peer, as that is run."""

    def speed(entry: Entry) -> np.ndarray:
        return rates[entry.name, task, clock] / (counted[entry.subject][task] if per_step else 1)

    return min(float(np.median(speed(MINE) / speed(peer))) for peer in peers)


def machine(threads: int) -> dict[str, str | int | float]:
    """Describe the machine of the measurement."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads,
        "load": round(os.getloadavg()[0], 2),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def print_table(report: dict) -> None:
    """Print the table on stdout."""
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print("peak of matrix products: " + ", ".join(f"{v:.0f} GFLOP/s ({k})" for k, v in report["peak_gflops"].items()))
    clocks = "".join(f" {clock:>5} s {'GFLOP/s':>8} {'peak':>5}" for clock in ("wall", "cpu"))
    print(f"{'task':14} {'subject':30} {'GFLOP':>7}{clocks}")
    for row in report["rows"]:
        clocks = "".join(
            f" {row[f'{c}_seconds']:7.3f} {row[f'{c}_gflops']:8.1f} {row[f'{c}_of_peak']:5.0%}" for c in ("wall", "cpu")
        )
        print(f"{row['task']:14} {row['subject']:30} {row['gflop']:7.1f}{clocks}")
    for key, value in report["ours_over_best_peer"].items():
        print(f"ours over the better plain peer, {key}: {value:.2f}x")
    for name, reason in report["missing"].items():
        print(f"left out: {name}: {reason}")


def main() -> None:
    """Measure all rows, print a table and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, metavar="FOLDER", help="checkout of LetsTalk's release")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--plain", action="store_true", help="ours and its peers as they are run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    entries = [MINE, *PEERS, *([] if arguments.plain else OTHERS), BOUND]
    workers, missing = start(entries, arguments.release, arguments.threads)
    names = sorted({e.subject for e in entries} - set(missing))
    with ThreadPoolExecutor(arguments.threads) as pool:  # each waits for a process
        counts = pool.map(partial(count_operations, release=arguments.release), names)
        counted = dict(zip(names, counts, strict=True))
    times, peaks = run_rounds(workers, arguments.rounds, arguments.threads)
    report = {"machine": machine(arguments.threads), "rounds": arguments.rounds, "missing": missing}
    report |= summarise(workers, counted, times, peaks)
    for worker in workers:
        worker.close()
    print_table(report)
    if arguments.out:
        raw = {f"{name}: {task}": [asdict(t) for t in ts] for (name, task), ts in times.items()}
        write_json(arguments.out, report | {"seconds": raw})


if __name__ == "__main__":
    main()
