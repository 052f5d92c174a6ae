"""A training step and a sampling step of preset S beside its peers', in one run on this machine's CPU.

    python experiments/performance/model_step.py [--release FOLDER] [--out FILE] [--rounds 7] [--threads 2] [--plain]

16 frames of 16x16x4 latents (128 pixels of an SD-type autoencoder), 32 audio tokens a frame, batch 1, float32. FOLDER
is a checkout of github zhang-haojie/LetsTalk (commit 26660f1; needs timm and einops); without it its rows are left out
and the reason printed. ``lt_bench (heap kept)`` is ours as ``lt-bench train`` runs it; peers run plain, as their own
scripts do. Further rows are Latte with our allocator's setting, and ours compiled, which takes minutes to begin;
``--plain`` leaves them out. "Products alone" repeats only the matrix products and the attention of our step: no step of
this network is shorter than that without faster products.

Each row has a process of its own, of up to 4 GB. Within a round rows take turns, in an order that rotates, a sampling
step after one that is not timed, and the matrix-product peak is measured in every round too. Seconds are medians over
rounds; shares of the peak and ratios are medians of those within each round, for the machine changes its speed from
minute to minute. ``wall`` is what a user waits; ``cpu`` is the processor time of all threads divided by their number,
which other processes disturb less.
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
"""Rows, inner, columns of the products that the peak is the best of."""
CLOCKS = ("wall", "cpu")
SHORT = ("sampling step",)
"""Timed after a call that is not: one that has waited finds nothing of its own in the processor's caches."""
MINE = Entry(OURS, heap=True)
PEERS = [Entry(LATTE), Entry(RELEASE)]
OTHERS = [Entry(LATTE, heap=True), Entry(OURS, heap=True, compiled=True)]
BOUND = Entry(OURS, heap=True, products_only=True)


def peak_products() -> dict[tuple[int, int, int], Callable[[], object]]:
    """Matrix products into a place of their own."""

    def product(m: int, k: int, n: int) -> Callable[[], object]:
        a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        repeats = max(1, round(2048**3 / (m * k * n)))
        return lambda: [torch.mm(a, b, out=out) for _ in range(repeats)]

    return {shape: product(*shape) for shape in PRODUCTS}


def product_operations(shape: tuple[int, int, int]) -> int:
    """Of one call of a product."""
    m, k, n = shape
    return 2 * m * k * n * max(1, round(2048**3 / (m * k * n)))


def start(entries: list[Entry], release: Path | None, threads: int) -> tuple[list[Worker], dict[str, str]]:
    """Those that can be built here, and why others cannot."""
    missing = {RELEASE: "no --release FOLDER was given"} if release is None else {}
    kept = [entry for entry in entries if entry.subject not in missing]
    workers = [Worker(entry, release, threads) for entry in kept]
    for worker in workers:
        worker.wait()
    return workers, missing


def run_rounds(workers: list[Worker], rounds: int, threads: int) -> tuple[dict, dict]:
    """Times by (row, task) and by product."""
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
    """Medians, rates and ratios."""
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
    """Operations a second of the best product, in each round (two sets of them)."""
    rates = [product_operations(shape) / np.array([getattr(t, clock) for t in ts]) for shape, ts in peaks.items()]
    return np.max(rates, axis=0).reshape(-1, len(TASKS)).max(1)


def _ratio(rates: dict, counted: dict, peers: list[Entry], task: str, clock: str, per_step: bool) -> float:
    """How many times faster ours, as it is run, is than the better peer, as that is run."""

    def speed(entry: Entry) -> np.ndarray:
        return rates[entry.name, task, clock] / (counted[entry.subject][task] if per_step else 1)

    return min(float(np.median(speed(MINE) / speed(peer))) for peer in peers)


def machine(threads: int) -> dict[str, str | int | float]:
    """What was measured on."""
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
    """The table, on stdout."""
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
    """Measure, print, write."""
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
