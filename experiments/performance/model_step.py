"""A training step and a sampling step of preset S beside its peers', in one run on this machine's CPU.

    python experiments/performance/model_step.py [--release FOLDER] [--out FILE] [--rounds 7] [--threads 2] [--compiled]

16 frames of 16x16x4 latents (128 pixels of an SD-type autoencoder), 32 audio tokens a frame, batch 1, float32. FOLDER
is a checkout of github zhang-haojie/LetsTalk (commit 26660f1; needs timm and einops); without it that row is left out
and the reason printed. Subjects take turns within a round, in an order that rotates, and the matrix-product peak is
measured in every round too; figures are medians over rounds. ``wall`` is what a user waits; ``cpu`` is the processor
time of all threads divided by their number, which other processes on the machine disturb less.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from subjects import Subject, subjects

from lt_bench.files import write_json

PRODUCTS = ((2048, 2048, 2048), (1024, 1024, 1024), (2048, 384, 1536))
"""Rows, inner, columns of the products that the peak is the best of."""
COMPILED_VARIANTS = 256
"""More than the blocks of all subjects, with and without gradient: none falls back to plain code."""
TASKS: dict[str, Callable[[Subject], Callable[[], object]]] = {
    "sampling step": lambda s: s.sample_step,
    "training step": lambda s: s.train_step,
}


@dataclass(frozen=True)
class Taken:
    """Seconds of one call."""

    wall: float
    cpu: float


def measure(run: Callable[[], object], threads: int) -> Taken:
    """Time one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Taken(time.perf_counter() - wall, (time.process_time() - cpu) / threads)


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


def run_rounds(found: list[Subject], rounds: int, threads: int) -> tuple[dict, dict]:
    """Times by (subject, task) and by product."""
    times: dict[tuple[str, str], list[Taken]] = {(s.name, task): [] for s in found for task in TASKS}
    products = peak_products()
    peaks: dict[tuple[int, int, int], list[Taken]] = {shape: [] for shape in products}
    for round_ in range(-1, rounds):  # the first warms up
        for task, of in TASKS.items():
            for place in range(len(found)):
                subject = found[(place + round_) % len(found)]
                taken = measure(of(subject), threads)
                if round_ >= 0:
                    times[subject.name, task].append(taken)
            for shape, run in products.items():
                taken = measure(run, threads)
                if round_ >= 0:
                    peaks[shape].append(taken)
        print(f"round {round_ + 1} of {rounds}", file=sys.stderr)
    return times, peaks


def count_operations(subject: Subject, task: str) -> int:
    """Floating-point operations of a task; of plain blocks, since a compiled one hides its own."""
    return subject.operations(subject.forward_backward if task == "training step" else subject.sample_step)


def summarise(found: list[Subject], counted: dict, times: dict, peaks: dict) -> dict:
    """Medians, rates and ratios."""
    peak = {
        clock: max(product_operations(s) / statistics.median(getattr(t, clock) for t in ts) for s, ts in peaks.items())
        for clock in ("wall", "cpu")
    }
    rows = []
    for task in TASKS:
        for s in found:
            operations = counted[s.name, task]
            row = {"task": task, "subject": s.name, "gflop": operations / 1e9}
            for clock in ("wall", "cpu"):
                seconds = statistics.median(getattr(t, clock) for t in times[s.name, task])
                row |= {
                    f"{clock}_seconds": seconds,
                    f"{clock}_gflops": operations / seconds / 1e9,
                    f"{clock}_of_peak": operations / seconds / peak[clock],
                }
            rows.append(row)
    return {
        "peak_gflops": {clock: value / 1e9 for clock, value in peak.items()},
        "rows": rows,
        "ours_over_best_peer": {
            f"{task}, {clock}, {what}": _ratio(rows, task, clock, what)
            for task in TASKS
            for clock in ("wall", "cpu")
            for what in ("per operation", "per step")
        },
    }


def _ratio(rows: list[dict], task: str, clock: str, what: str) -> float:
    """How many times faster ours is than the better peer."""
    mine, *peers = (row for row in rows if row["task"] == task)
    if what == "per operation":
        return mine[f"{clock}_gflops"] / max(row[f"{clock}_gflops"] for row in peers)
    return min(row[f"{clock}_seconds"] for row in peers) / mine[f"{clock}_seconds"]


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
    print(f"{'task':14} {'subject':18} {'GFLOP':>7}{clocks}")
    for row in report["rows"]:
        clocks = "".join(
            f" {row[f'{c}_seconds']:7.3f} {row[f'{c}_gflops']:8.1f} {row[f'{c}_of_peak']:5.0%}" for c in ("wall", "cpu")
        )
        print(f"{row['task']:14} {row['subject']:18} {row['gflop']:7.1f}{clocks}")
    for key, value in report["ours_over_best_peer"].items():
        print(f"ours over the better peer, {key}: {value:.2f}x")
    for name, reason in report["missing"].items():
        print(f"left out: {name}: {reason}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, metavar="FOLDER", help="checkout of LetsTalk's release")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compiled", action="store_true", help="compile every subject's blocks (minutes each)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found, missing = subjects(arguments.release)
    operations = {(s.name, task): count_operations(s, task) for s in found for task in TASKS}
    if arguments.compiled:
        torch._dynamo.config.recompile_limit = COMPILED_VARIANTS
        for subject in found:
            subject.compile_blocks()
    times, peaks = run_rounds(found, arguments.rounds, arguments.threads)
    report = {"machine": machine(arguments.threads), "rounds": arguments.rounds, "compiled": arguments.compiled}
    report["missing"] = missing
    report |= summarise(found, operations, times, peaks)
    raw = {f"{name}: {task}": [asdict(t) for t in ts] for (name, task), ts in times.items()}
    print_table(report)
    if arguments.out:
        write_json(arguments.out, report | {"seconds": raw})


if __name__ == "__main__":
    main()
