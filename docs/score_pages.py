"""The pages on protocols and scores, from the YAML files and the classes themselves."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from lt_bench.evaluation.metrics.base import Metric, ReportedMetric, VideoMetric
from lt_bench.evaluation.metrics.catalog import build_metric, metric_names
from lt_bench.evaluation.protocol import Protocol, ScoreSpec, load_protocol, protocol_names

MADE = "<!-- made by docs/make_reference.py; do not edit -->"
INTRO = """A score means something only with its protocol. Results of different protocols, versions, real sets, frame
sizes, N or clip lengths are never put into one table: the difference is named instead. `paper-v1`, `open-v1` and
`synthetic-v2` are for new results; `synthetic-v1` is the first version of the synthetic set, and the others
reproduce the conventions of single tools.
Your own protocol is a YAML file, [below](#your-own)."""
OWN = """## Your own

`lt-bench evaluate --protocol mine.yaml` takes any file of [these keys](configuration.md#protocol); what is left out has
its default, and the hash of all of it stands in every result:

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

Scores and their settings are on [their page](scores.md); `--plugin FILE.py` brings scores of your own, which the file
then names as any other.

Videos belong together by their names. Where they have others, `--pairs` takes a CSV with the columns `real` and
`generated`, or JSON, `{"id of the real video": "file of the generated one"}`.
"""
SCORES_INTRO = """Each is one class in `lt_bench/evaluation/metrics`. Settings are given in a protocol's YAML.

Scores that need faces are meant for videos of one person. They take the one face that MediaPipe chooses in each frame
by itself: among several clearly the largest, but of two of like size now one and now the other, which looks like a
head that jumps. No face is followed from frame to frame. Faces in fewer than 80% of the frames looked at are a miss.
Scores that need audio miss a video whose sound is silent, or ends more than two frames before the picture."""


def protocols_page() -> str:
    """Every protocol of the package: what it is for, its rules, its scores with their settings."""
    parts = [MADE, "# Protocols", "", INTRO, ""]
    for name in sorted(protocol_names(), key=lambda name: (not name.endswith("-v1"), name)):
        parts += _protocol(load_protocol(name))
    return "\n".join([*parts, OWN])


def _protocol(rules: Protocol) -> list[str]:
    size = f"{rules.size} x {rules.size} px" if rules.size else "size of the real videos, which must be one"
    first = f", scored from frame {rules.first_frame}" if rules.first_frame else ""
    lines = [f"## {rules.id}", "", f"Version {rules.version}, `{rules.hash[:12]}`. {rules.about}", ""]
    lines += [f"- {size}, {rules.fps:g} fps{first}", *(f"- {rule}" for rule in rules.rules), ""]
    lines += ["| score | better | title, without size |", "|---|---|---|"]
    return [*lines, *(_row(spec) for spec in rules.scores), ""]


def _row(spec: ScoreSpec) -> str:
    score = build_metric(spec.name, spec.settings)
    words = ", ".join(part for part in (score.title, score.detail) if part)
    return f"| [`{score.name}`](scores.md#{score.name}) | {_direction(score)} | {_cell(words)} |"


def scores_page() -> str:
    """Every score: direction, scope, unit, needs, weights, settings, source."""
    parts = [MADE, "# Scores", "", SCORES_INTRO, ""]
    for name in metric_names():
        parts += _score(build_metric(name))
    return "\n".join(parts)


def _score(score: Metric) -> list[str]:
    facts = [f"better: {_direction(score)}", f"scope: {_scope(score)}"]
    facts += [f"unit: {score.unit}"] if score.unit else []
    facts += [f"needs: {', '.join(score.needs)}"] if score.needs else []
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
