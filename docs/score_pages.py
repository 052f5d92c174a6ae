"""Reference pages on protocols and metrics, from the YAML files and the classes."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from lt_bench.evaluation.metrics.base import Metric, ReportedMetric, VideoMetric
from lt_bench.evaluation.metrics.catalog import build_metric, metric_names
from lt_bench.evaluation.protocol import Protocol, ScoreSpec, load_protocol, protocol_names

MADE = "<!-- made by docs/make_reference.py; do not edit -->"
INTRO = """A score is meaningful only together with its protocol. Results that differ in protocol, version, reference
set, frame size, N or clip length are never shown in one table; the difference is named instead. Use `paper-v1`,
`open-v1` and `synthetic-v2` for new results. `synthetic-v1` is for the first version of the synthetic set. The other
protocols reproduce the conventions of single tools.

You can also write [your own protocol](#your-own) as a YAML file."""
OWN = """## Your own

`lt-bench evaluate --protocol mine.yaml` accepts any file with [these keys](configuration.md#protocol). Missing keys
have their default, and every result contains the hash of the complete protocol:

```yaml
id: lips-256
version: 1
about: Lips and identity of real people at 256 px, in clips of three seconds or more.
size: 256
min_frames: 75
scores:
  - name: lip_sync_open
  - name: identity_dlib
    settings: {stride: 10}
  - name: psnr
```

[Metrics](metrics.md) lists all metrics with their settings. `--plugin FILE.py` registers your own metrics, which the
protocol then names like any other.

Videos are paired by name. If the names differ, `--pairs` takes a CSV file with the columns `real` and `generated`, or a
JSON file, `{"id of the real video": "file of the generated one"}`.
"""
SCORES_INTRO = """Each is one class in `lt_bench/evaluation/metrics`. Settings are given in a protocol's YAML.

Metrics that need faces are designed for videos of one person. They use the face that MediaPipe selects in each frame
independently, without tracking. Among several faces this is the largest. If two faces have a similar size, the
selection can alternate between them, which looks like a head that jumps. If a face is found in fewer than 80% of the
sampled frames, the video is unscored. Metrics that need audio do not score a video whose sound is silent, or ends more
than two frames before the picture."""


def protocols_page() -> str:
    """Describe every protocol of the package: purpose, rules, and metrics with their settings."""
    parts = [MADE, "# Protocols", "", INTRO, ""]
    for name in sorted(protocol_names(), key=lambda name: (not name.endswith("-v1"), name)):
        parts += _protocol(load_protocol(name))
    return "\n".join([*parts, OWN])


def _protocol(rules: Protocol) -> list[str]:
    size = f"{rules.size} x {rules.size} px" if rules.size else "size of the real videos, which must all be equal"
    first = f", scored from frame {rules.first_frame}" if rules.first_frame else ""
    lines = [f"## {rules.id}", "", f"Version {rules.version}, `{rules.hash[:12]}`. {rules.about}", ""]
    lines += [f"- {size}, {rules.fps:g} fps{first}", *(f"- {rule}" for rule in rules.rules), ""]
    lines += ["| score | better | title, without size |", "|---|---|---|"]
    return [*lines, *(_row(spec) for spec in rules.scores), ""]


def _row(spec: ScoreSpec) -> str:
    score = build_metric(spec.name, spec.settings)
    words = ", ".join(part for part in (score.title, score.detail) if part)
    return f"| [`{score.name}`](metrics.md#{score.name}) | {_direction(score)} | {_cell(words)} |"


def scores_page() -> str:
    """Every score: direction, scope, unit, needs, weights, settings, source."""
    parts = [MADE, "# Scores", "", SCORES_INTRO, ""]
    for name in metric_names():
        parts += _score(build_metric(name))
    return "\n".join(parts)


def _score(score: Metric) -> list[str]:
    facts = [f"better: {_direction(score)}", f"scope: {_scope(score)}"]
    facts += [f"unit: {score.unit}"] if score.unit else []
    facts += [f"inputs: {', '.join(score.needs)}"] if score.needs else []
    facts += [f"weights: {', '.join(f'`{name}`' for name in score.assets)}"] if score.assets else []
    if isinstance(score, VideoMetric) and score.reference:
        facts.append(f"beside it: the same of the real videos ({score.reference})")
    lines = [f"## {score.name}", "", f"*{_sentence(score.title)}* {inspect.cleandoc(type(score).__doc__ or '')}", ""]
    lines += [f"- {fact}" for fact in facts] + [f"- source: {score.source}"] + _settings(score)
    return [*lines, ""]


def _settings(score: Any) -> list[str]:
    hints = typing.get_type_hints(type(score))
    rows = []
    for field in dataclasses.fields(score):
        choices = typing.get_args(hints[field.name])
        among = f" of {', '.join(str(choice) for choice in choices)}" if choices else ""
        rows.append(f"- setting `{field.name}`: {field.default}{among}")
    return rows


def _scope(score: Metric) -> str:
    if isinstance(score, ReportedMetric):
        return "the system, as it reports"
    return f"a video, then their {score.aggregate}" if isinstance(score, VideoMetric) else "the whole set"


def _direction(score: Metric) -> str:
    if score.higher_is_better is None:
        return "neither" if score.target is None else f"near {score.target:g}"
    return "higher" if score.higher_is_better else "lower"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
