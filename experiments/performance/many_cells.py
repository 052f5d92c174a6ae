"""Measure the overhead of ``lt-bench ablate``: a resume with nothing to do, and the cost of each finished cell.

One real cell of the smallest model is trained, generated and scored. Its files are then copied to 1,000 cells with
other seeds and randomly shifted scores (which are invented, because only the time matters). The command runs on them
twice: first it logs all to MLflow and ranks them, then it has nothing to do.

python experiments/performance/many_cells.py --out experiments/performance/many_cells.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine

from lt_bench.ablation.grid_plan import Job, plan_jobs
from lt_bench.config import ExperimentConfig, load_config, to_yaml
from lt_bench.conventions import CONFIG_FILE, RESULT_FILE, STATUS_FILE
from lt_bench.files import read_json, write_json, write_text

EXPERIMENT = """
name: many
out: {out}
cells: [{{portrait: symbiotic, audio: direct}}, {{portrait: direct, audio: direct}}]
seeds: {seeds}
grid: {{sampling.audio_scale: {scales}}}
data:
  cache: {cache}
  synthetic: {{train_speakers: 2, validation_speakers: 1, test_speakers: 12, train_frames: 24, test_frames: 45}}
model: {{preset: tiny, frames: 4, motion_frames: 1, audio_tokens: 2, audio_token_dim: 16, learn_sigma: false}}
diffusion: {{schedule: flow, prediction: sample, timesteps: logit_normal}}
train: {{steps: 100, batch_size: 1, ema_decay: 0.5, threads: 1, log_every: 10}}
sampling: {{sampler: flow_euler, steps: 1}}
evaluation: {{split: test}}
"""


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=1000, help="finished cells (default: 1000)")
    parser.add_argument("--repeats", type=int, default=3, help="measured resumes (default: 3)")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(arguments.folder or Path(temporary), arguments.cells, arguments.repeats)
    write_json(arguments.out, {**found, "machine": machine()})
    print(json.dumps(found, indent=1))


def measure(folder: Path, cells: int, repeats: int) -> dict[str, Any]:
    """Return the wall-clock seconds of the command, started as a user starts it."""
    one = write_experiment(folder, [0], [1.0])
    real = ablate(one, "cells=[{portrait: symbiotic, audio: direct}]")
    (template,) = plan_jobs(load_config(ExperimentConfig, one, ["cells=[{portrait: symbiotic, audio: direct}]"]))
    worked = sum(read_json(template.folder / STATUS_FILE)["seconds"].values())
    many = write_experiment(folder, list(range(cells // 20)), [1.0 + k / 10 for k in range(10)])
    jobs = plan_jobs(load_config(ExperimentConfig, many))
    files = {name: (template.folder / name).read_bytes() for name in (STATUS_FILE, RESULT_FILE, "metrics.csv")}
    for number, job in enumerate(jobs):
        copy_cell(files, template.folder / "videos", job, number)
    first = ablate(many)
    again = [ablate(many) for _ in range(repeats)]
    return {
        "finished_cells": len(jobs),
        "one_real_cell": {"seconds": real, "of_these_training_generating_scoring": round(worked, 2)},
        "first_call_logs_and_ranks": {"seconds": first, "seconds_per_cell": round(first / len(jobs), 4)},
        "nothing_to_do": {"seconds": again, "seconds_most": max(again)},
    }


def write_experiment(folder: Path, seeds: list[int], scales: list[float]) -> Path:
    """Write the experiment's YAML file."""
    path = folder / f"experiment-{len(seeds)}.yaml"
    out = folder / ("one" if len(seeds) == 1 else "many")
    write_text(path, EXPERIMENT.format(out=out, cache=folder / "cache", seeds=seeds, scales=scales))
    return path


def copy_cell(files: dict[str, bytes], videos: Path, job: Job, number: int) -> None:
    """Copy the template to a finished cell with the job's name and configuration; its videos are a link."""
    shutil.rmtree(job.folder, ignore_errors=True)
    for name, content in files.items():
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / name).write_bytes(content)
    (job.folder / "videos").symlink_to(videos.resolve())
    result, rng = json.loads(files[RESULT_FILE]), np.random.default_rng(number)
    result["system"], result["seed"] = job.system, job.seed
    result["meta"] |= {"portrait": job.cell.portrait, "audio": job.cell.audio}
    for score in result["scores"].values() if isinstance(result["scores"], dict) else result["scores"]:
        if score["per_video"]:
            shift = float(rng.normal(0, 0.01))
            score["per_video"] = {clip: value + shift for clip, value in score["per_video"].items()}
            score["value"] += shift
    (job.folder / RESULT_FILE).write_text(json.dumps(result))
    (job.folder / CONFIG_FILE).write_text(to_yaml(job.config))


def ablate(*arguments: str | Path) -> float:
    """Return the seconds of one ``lt-bench ablate`` command."""
    command = [sys.executable, "-m", "lt_bench", "ablate", *map(str, arguments), "--json"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - start, 2)


if __name__ == "__main__":
    main()
