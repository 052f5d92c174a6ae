"""Tracking records of a job, made from the files in its folder."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lt_bench.config import RunConfig, to_dict
from lt_bench.conventions import CONFIG_FILE, METRICS_FILE, MODEL_FILE, RESULT_FILE, SYSTEM_FILE, VIDEOS
from lt_bench.evaluation.results.result_file import Result, load_result
from lt_bench.jobs.folder import flat_config
from lt_bench.jobs.job_status import Status
from lt_bench.tracking.record import Artifact, DatasetRef, Point, RunRecord
from lt_bench.tracking.system import read_samples

CURVES = {"validation_loss": "validation/loss"}
"""Columns of the metrics file whose curves are not named ``train/COLUMN``."""
NO_CURVES = ("step", "seconds")
UNTOLD = ("storage", "tracking_uri")
"""Keys that may hold a password and are not logged."""
VALIDATIONS = "scores/step*/result.json"
"""Results of a run that is scored while it trains (``lt_bench.training.callbacks.validation_scores``)."""


def running_record(
    name: str, config: RunConfig, folder: Path, tags: Mapping[str, str], cache_hash: str = ""
) -> RunRecord:
    """Return the record of a running job: its configuration, data and curves so far."""
    params = {key: str(value) for key, value in flat_config(to_dict(config)).items()}
    data = (DatasetRef(config.data.dataset, cache_hash, config.data.cache, "training"),) if cache_hash else ()
    return RunRecord(name, params, dict(tags), tuple(curves(folder)), datasets=data, running=True, folder=folder)


def trained_record(
    name: str, config: RunConfig, folder: Path, tags: Mapping[str, str], cache_hash: str, failed: str
) -> RunRecord:
    """Return the record of a training that has ended; ``failed`` gives the reason for ending early."""
    record = running_record(name, config, folder, {**tags, **_checkpoint(folder)}, cache_hash)
    return replace(record, running=False, failed=failed)


def job_record(
    name: str, config: RunConfig, folder: Path, status: Status, tags: Mapping[str, str], cache_hash: str = ""
) -> RunRecord:
    """Return the record of a job that is done or failed: curves, scores, result, sample videos, path of the model."""
    record = running_record(name, config, folder, {**tags, **_checkpoint(folder)}, cache_hash)
    files = (Artifact(folder / CONFIG_FILE),) if (folder / CONFIG_FILE).exists() else ()
    if status.state != "done":
        return replace(record, running=False, artifacts=files, failed=status.reason or status.state)
    result = load_result(folder / RESULT_FILE)
    videos = [folder / VIDEOS / clip.generated_file for clip in result.clips if clip.frames]
    samples = _spread(videos, config.evaluation.samples)
    facts = {"git_commit": result.git_commit, "checkpoint_sha256": result.meta.get("model_sha256")}
    real = f"{config.data.cache}/real/{result.real.split}"
    return replace(
        record,
        running=False,
        tags={**record.tags, **{key: str(value) for key, value in facts.items() if value}},
        scores={**_scores(result), **{f"seconds/{phase}": seconds for phase, seconds in status.seconds.items()}},
        datasets=(
            *record.datasets,
            DatasetRef(f"{result.real.dataset} {result.real.split}", result.real.hash, real, "evaluation"),
        ),
        artifacts=(*files, Artifact(folder / RESULT_FILE), *(Artifact(path, VIDEOS) for path in samples)),
    )


def _checkpoint(folder: Path) -> dict[str, str]:
    """Return path and hash of the model; its bytes are not logged."""
    model = folder / MODEL_FILE
    return {"checkpoint": str(model.resolve())} if model.exists() else {}


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


def curves(folder: Path) -> Iterator[Point]:
    """Return the curves of a run's training and machine so far."""
    seconds = {0: 0.0}
    path = folder / METRICS_FILE
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                yield from _row(row)
                seconds[int(row["step"])] = float(row.get("seconds") or 0.0)
    yield from _validations(folder, seconds)
    steps: Counter[str] = Counter()
    for after, name, value in read_samples(folder / SYSTEM_FILE):
        yield Point(f"system/{name}", steps[name], value, after)
        steps[name] += 1


def _row(row: Mapping[str, str]) -> Iterator[Point]:
    for column, value in row.items():
        if value and column not in NO_CURVES:
            key = CURVES.get(column, f"train/{column}")
            yield Point(key, int(row["step"]), float(value), float(row.get("seconds") or 0.0))


def _validations(folder: Path, seconds: Mapping[int, float]) -> Iterator[Point]:
    """Return the scores of the validation split by training step."""
    for path in sorted(folder.glob(VALIDATIONS)):
        step, result = int(path.parent.name.removeprefix("step")), load_result(path)
        after = seconds[max(known for known in seconds if known <= step)]
        values = {name: score.value for name, score in result.scores.items() if score.value is not None}
        for name, value in {**values, "clips_scored": float(result.scored)}.items():
            yield Point(f"scores/{name}", step, float(value), after)
