"""Compare one pass over all metrics with every metric as a separate pass, and a repeated run with the first.

    python experiments/performance/one_pass.py --work DIR --out experiments/performance/one_pass.json

Scores the clips of grid-sample (the first ``--clips`` of them), square and ``--side`` pixels wide, against copies after
H.264 compression. Every run is a separate process (``lt-bench evaluate``) with a separate store, except the repeated
run. Rerun the command to resume after an interruption or after ``--budget``. ``DIR/runs.json`` contains the finished
runs; without the others, the reported saving is too large. CPU seconds are reported too, because other work on the
machine affects them less than the wall clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from grid_videos import FRAMES, write_sides
from measure import report

from lt_bench.config import to_dict
from lt_bench.evaluation.metrics.base import ReportedMetric
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.protocol import Protocol, load_protocol
from lt_bench.files import read_json, write_json

Run = dict[str, float]


def evaluate(protocol: str, work: Path, clips: int, store: str) -> Run:
    """Measure the seconds of one evaluation."""
    command = [sys.executable, "-m", "lt_bench", "evaluate", "--generated", str(work / "generated")]
    command += ["--real", str(work / "real"), "--protocol", protocol, "--store", str(work / store), "--json"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*command, "--clips", str(clips)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}


def plan(rules: Protocol, work: Path) -> dict[str, tuple[str, str]]:
    """Return protocol and store of each run by name; metrics that systems report are skipped, as they read no video."""
    runs = {"one_pass": (rules.id, "together"), "repeated": (rules.id, "together")}
    for spec in rules.scores:
        if isinstance(build_metric(spec.name, spec.settings), ReportedMetric):
            continue
        path = work / f"{spec.name}.yaml"
        path.write_text(yaml.safe_dump({**to_dict(rules), "scores": [to_dict(spec)]}), encoding="utf-8")
        runs[spec.name] = str(path), f"alone_{spec.name}"
    return runs


def measure(arguments: argparse.Namespace, runs: dict[str, tuple[str, str]]) -> dict[str, Run]:
    """Run everything that is not finished."""
    kept, end = arguments.work / "runs.json", time.monotonic() + arguments.budget
    done: dict[str, Run] = read_json(kept) if kept.exists() else {}
    for name, (protocol, store) in runs.items():
        if name in done or time.monotonic() > end:
            continue
        if name != "repeated":  # of a run that was interrupted
            shutil.rmtree(arguments.work / store, ignore_errors=True)
        done[name] = evaluate(protocol, arguments.work, arguments.clips, store)
        write_json(kept, done)
        print(name, done[name], flush=True)
    return done


def ratios(done: dict[str, Run]) -> dict[str, float]:
    """Return the saving of one pass and of a repeated run; ``beyond_start`` subtracts a repeated run from each."""
    together, again = done["one_pass"], done["repeated"]
    alone = [run for name, run in done.items() if name not in ("one_pass", "repeated")]
    start = again["cpu_seconds"]
    beyond = sum(max(run["cpu_seconds"] - start, 0) for run in alone) / (together["cpu_seconds"] - start)
    found = {"separate_over_one_pass_beyond_start": round(beyond, 2)}
    for unit in ("seconds", "cpu_seconds"):
        found[f"separate_over_one_pass_{unit}"] = round(sum(run[unit] for run in alone) / together[unit], 2)
        found[f"first_over_repeated_{unit}"] = round(together[unit] / again[unit], 2)
    return found


def main() -> None:
    """Measure the runs and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of videos, stores and runs that are done")
    parser.add_argument("--protocol", default="open-v1")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of a clip")
    parser.add_argument("--side", type=int, default=256, help="of the frames, in pixels")
    parser.add_argument("--budget", type=float, default=float("inf"), help="begin no run after so many seconds")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_sides(arguments.work, arguments.side, arguments.frames, arguments.clips)
    rules = load_protocol(arguments.protocol)
    runs = plan(rules, arguments.work)
    done = measure(arguments, runs)
    document: dict[str, Any] = {
        "protocol": f"{rules.id} version {rules.version}",
        "clips": arguments.clips,
        "frames": arguments.frames,
        "side": arguments.side,
        "runs": done,
        "runs_left_out": [name for name in runs if name not in done],
        **ratios(done),
    }
    rows = [("run", "seconds", "CPU seconds"), *((name, *map(str, run.values())) for name, run in done.items())]
    report(arguments.out, document, rows, "Seconds of evaluations")
    print(ratios(done))


if __name__ == "__main__":
    main()
