"""What tracking is told of a grid, made from the files that its jobs leave."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from lt_bench.ablation.plan import Job
from lt_bench.config import ExperimentConfig, to_dict
from lt_bench.evaluation.results import Result, load_result
from lt_bench.files import sha256_file
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


def parent_record(
    config: ExperimentConfig, cache_hash: str, commit: str | None, leaderboard: Sequence[Path] = ()
) -> RunRecord:
    """The parent run: what is common to an experiment's cells and, at the end, the leaderboard's files, CSV first."""
    own = {"cells", "seeds", "grid"}
    params = {key: str(value) for key, value in flat_config(to_dict(config)).items() if key not in own}
    params["cells"] = " ".join(cell.name for cell in config.cells)
    params |= {f"grid.{key}": " ".join(map(str, values)) for key, values in config.grid.items()}
    params["seeds"] = " ".join(map(str, config.seeds))
    return RunRecord(
        config.name,
        params,
        _tags(config, cache_hash, commit),
        artifacts=tuple(Artifact(path, "leaderboard") for path in leaderboard),
        running=not leaderboard,
        revision=sha256_file(leaderboard[0]) if leaderboard else "",
    )


def job_record(config: ExperimentConfig, job: Job, status: Status, cache_hash: str) -> RunRecord:
    """The run of a job that is done or failed: configuration, curves, scores with intervals, result, sample videos."""
    params = {key: str(value) for key, value in flat_config(to_dict(job.config)).items()}
    tags = {"portrait": job.cell.portrait, "audio": job.cell.audio, "seed": str(job.seed)}
    tags |= {key: str(value) for key, value in job.setting}
    curves = tuple(_curves(job.folder / METRICS_FILE))
    files = [Artifact(job.folder / CONFIG_FILE)]
    if status.state != "done":
        tags |= _tags(config, cache_hash, None)
        return RunRecord(job.name, params, tags, curves, artifacts=tuple(files), failed=status.reason or status.state)
    result = load_result(job.folder / RESULT_FILE)
    videos = [job.folder / VIDEOS / f"{clip.id}.mp4" for clip in result.clips if clip.frames]
    files += [Artifact(job.folder / RESULT_FILE), *(Artifact(path, VIDEOS) for path in _spread(videos, config))]
    tags |= _tags(config, cache_hash, result.git_commit)
    scores = {**_scores(result), **{f"seconds/{phase}": seconds for phase, seconds in status.seconds.items()}}
    return RunRecord(job.name, params, tags, curves, scores, tuple(files))


def _tags(config: ExperimentConfig, cache_hash: str, commit: str | None) -> dict[str, str]:
    tags = {"experiment": config.name, "cache_hash": cache_hash, "protocol": config.evaluation.protocol}
    return tags | ({"git_commit": commit} if commit else {})


def _scores(result: Result) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, score in result.scores.items():
        if score.value is not None:
            found[name] = score.value
        if score.interval is not None:
            found |= {f"{name}_low": score.interval.low, f"{name}_high": score.interval.high}
    return found


def _spread(videos: list[Path], config: ExperimentConfig) -> list[Path]:
    count = min(len(videos), max(0, config.evaluation.samples))
    return [videos[k * len(videos) // count] for k in range(count)]


def _curves(path: Path) -> Iterator[Point]:
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for column, key in CURVES.items():
                if row.get(column):
                    yield Point(key, int(row["step"]), float(row[column]))
