"""The report page of a cache: how many clips were kept, why the others were not, and what they look like.

One HTML file that needs nothing else. It is made from the cache's own files and says the same whenever it is made.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from data_prep.extraction.thumbnail import THUMBNAILS
from data_prep.outcome import Rejected
from data_prep.reporting.histogram import histogram, three_digits
from data_prep.stages import PIPELINE, REJECTION_RULES, Rule, stage_of
from lt_bench.config import parse_config
from lt_bench.config.data import QualityConfig
from lt_bench.conventions import FPS
from lt_bench.data.cache import LatentCache
from lt_bench.data.format import REJECTED_FILE, ClipRecord
from lt_bench.files import read_json, write_text

REPORT_FILE = "report.html"
EXAMPLES = 8
"""Clips shown of each kind, evenly over the sorted ids."""


@dataclass(frozen=True)
class Metric:
    """A number of every clip, the rule that looks at it, and its threshold in the configuration."""

    name: str
    title: str
    unit: str
    rule: str
    limit: str
    whole: bool = False


METRICS = (
    Metric("face_size", "Height of the face", "pixels of the source", "small_face", "min_face_pixels"),
    Metric("face_share", "Frames with the face", "share", "face_time", "min_face_share"),
    Metric("invented", "Crop beyond the picture", "share", "border", "max_invented"),
    Metric("sharpness", "Sharpness", "variance of the Laplacian", "blur", "min_sharpness"),
    Metric("luma", "Brightness", "mean luma, 0..255", "dark", "min_luma"),
    Metric("loudness_db", "Loudness", "dB of full scale", "silence", "min_loudness_db"),
    Metric("speech_share", "Speech", "share of the time", "no_speech", "min_speech_share"),
    Metric("offset", "Lips late (+) or early (-)", "frames", "offset", "max_offset", whole=True),
    Metric("seconds", "Length", "seconds", "short", "min_seconds"),
)


@dataclass(frozen=True)
class Example:
    """One clip's picture."""

    id: str
    text: str
    picture: str
    """A data URI; empty where there is none."""


@dataclass(frozen=True)
class RuleView:
    """One rule and the clips that fell under it."""

    rule: Rule
    count: int
    limit: str
    values: str
    """Smallest, median and largest number measured."""
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Chart:
    """A histogram with its caption."""

    metric: Metric
    limit: str
    unmeasured: int
    """Kept clips without this number."""
    picture: Markup


def write_report(cache: LatentCache) -> Path:
    """Write ``report.html`` into a complete cache, unless it is there for this content."""
    path = cache.path / REPORT_FILE
    if not path.is_file() or cache.hash not in path.read_text(encoding="utf-8")[:2000]:
        write_text(path, render_report(cache))
    return path


def render_report(cache: LatentCache) -> str:
    """The page as HTML text; every name in it is escaped."""
    file = cache.path / REJECTED_FILE
    rejected = [parse_config(Rejected, item, str(file)) for item in read_json(file)]
    quality = parse_config(QualityConfig, cache.info.settings.get("quality", {}), str(cache.path))
    records = cache.records()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_template("report.html")).render(
        info=cache.info,
        hash=cache.hash,
        css=Markup(_template("report.css")),
        filmed=cache.info.landmark_set != "synthetic",
        kept=len(records),
        length=_length(sum(record.frames for record in records) / FPS),
        identities=len({record.identity for record in records}),
        rejected=len(rejected),
        stages=_stages(len(records), rejected),
        rules=_rules(cache, rejected),
        examples=_examples(cache, [(r.id, f"{r.frames / FPS:.1f} s, {r.split}") for r in records]),
        charts=_charts(records, rejected, quality),
    )


def _template(name: str) -> str:
    return resources.files("data_prep.reporting").joinpath("template", name).read_text(encoding="utf-8")


def _length(seconds: float) -> str:
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _stages(kept: int, rejected: Sequence[Rejected]) -> list[dict[str, Any]]:
    """How many clips each stage was given, kept and rejected; stages that reject nothing by rule are left out."""
    rows, left = [], kept + len(rejected)
    for stage in PIPELINE:
        if stage.rules:
            lost = sum(stage_of(clip.rule) is stage for clip in rejected)
            rows.append({"name": stage.name, "text": stage.title, "given": left, "lost": lost, "left": left - lost})
            left -= lost
    return rows


def _rules(cache: LatentCache, rejected: Sequence[Rejected]) -> list[RuleView]:
    views = []
    for name, rule in REJECTION_RULES.items():
        clips = [clip for clip in rejected if clip.rule == name]
        if clips:
            values = sorted(clip.value for clip in clips if clip.value is not None)
            limits = {clip.limit for clip in clips if clip.limit is not None}
            middle = values[len(values) // 2] if values else 0
            views.append(
                RuleView(
                    rule=rule,
                    count=len(clips),
                    limit=", ".join(three_digits(limit) for limit in sorted(limits)),
                    values=" · ".join(map(three_digits, (values[0], middle, values[-1]))) if values else "",
                    examples=_examples(cache, [(clip.id, clip.reason) for clip in clips]),
                )
            )
    return sorted(views, key=lambda view: -view.count)


def _examples(cache: LatentCache, clips: Sequence[tuple[str, str]]) -> tuple[Example, ...]:
    ordered = sorted(clips)
    step = max(1, -(-len(ordered) // EXAMPLES))
    return tuple(Example(name, text, _picture(cache, name)) for name, text in ordered[::step])


def _picture(cache: LatentCache, clip_id: str) -> str:
    path = cache.path / THUMBNAILS / f"{clip_id}.jpg"
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.is_file() else ""


def _charts(records: Sequence[ClipRecord], rejected: Sequence[Rejected], quality: QualityConfig) -> list[Chart]:
    charts = []
    for metric in METRICS:
        found = [_number(record, metric.name) for record in records]
        kept = [value for value in found if value is not None]
        refused = [clip.value for clip in rejected if clip.rule == metric.rule and clip.value is not None]
        limit = getattr(quality, metric.limit)
        limits = [] if limit is None else [-limit, limit] if metric.name == "offset" else [limit]
        if kept or refused:
            if metric.name == "offset":
                metric = replace(metric, unit=f"frames, by {quality.offset_by}")
            picture = histogram(kept, refused, limits, metric.whole, f"{metric.title} ({metric.unit})")
            text = "" if limit is None else f"{'±' if metric.name == 'offset' else ''}{three_digits(limit)}"
            charts.append(Chart(metric, text, len(found) - len(kept), picture))
    return charts


def _number(record: ClipRecord, name: str) -> float | None:
    return record.frames / FPS if name == "seconds" else getattr(record.quality, name)
