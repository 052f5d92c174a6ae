"""What tracking is told of a job, made from the files that it leaves."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from lt_bench.config import RunConfig, to_dict
from lt_bench.evaluation.results import Result, load_result
from lt_bench.jobs.folder import CONFIG_FILE, RESULT_FILE, VIDEOS, flat_config
from lt_bench.jobs.status import Status
from lt_bench.tracking.record import Artifact, Point, RunRecord

METRICS_FILE = "metrics.csv"
CURVES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
    "validation_loss": "validation/loss",
}
"""Columns of the metrics file and their names among the curves."""


def job_record(name: str, config: RunConfig, folder: Path, status: Status, tags: Mapping[str, str]) -> RunRecord:
    """The run of a job that is done or failed: configuration, curves, scores with intervals, result, sample videos."""
    params = {key: str(value) for key, value in flat_config(to_dict(config)).items()}
    curves = tuple(_curves(folder / METRICS_FILE))
    files = [Artifact(folder / CONFIG_FILE)]
    if status.state != "done":
        return RunRecord(name, params, dict(tags), curves, artifacts=tuple(files), failed=status.reason or status.state)
    result = load_result(folder / RESULT_FILE)
    videos = [folder / VIDEOS / f"{clip.id}.mp4" for clip in result.clips if clip.frames]
    samples = _spread(videos, config.evaluation.samples)
    files += [Artifact(folder / RESULT_FILE), *(Artifact(path, VIDEOS) for path in samples)]
    tags = {**tags, **({"git_commit": result.git_commit} if result.git_commit else {})}
    scores = {**_scores(result), **{f"seconds/{phase}": seconds for phase, seconds in status.seconds.items()}}
    return RunRecord(name, params, tags, curves, scores, tuple(files))


def _scores(result: Result) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, score in result.scores.items():
        if score.value is not None:
            found[name] = score.value
        if score.interval is not None:
            found |= {f"{name}_low": score.interval.low, f"{name}_high": score.interval.high}
    return found


def _spread(videos: list[Path], samples: int) -> list[Path]:
    count = min(len(videos), max(0, samples))
    return [videos[k * len(videos) // count] for k in range(count)]


def _curves(path: Path) -> Iterator[Point]:
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for column, key in CURVES.items():
                if row.get(column):
                    yield Point(key, int(row["step"]), float(row[column]))
