"""Aggregation of per-clip measurements to the scores of a result."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy import ndarray

from lt_bench.config import to_dict
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.metrics.base import Metric, ReportedMetric, SetMetric, VideoMetric
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.results.result_file import (
    Extrapolation,
    Interval,
    Reference,
    Scalar,
    Score,
)
from lt_bench.evaluation.results.settings import hash_of_settings, protocol_settings
from lt_bench.evaluation.running.clip_scorer import ClipScores, reason
from lt_bench.evaluation.statistics.cluster import aggregate, cluster_bootstrap, jackknife_interval
from lt_bench.evaluation.statistics.extrapolation import extrapolate

ReferenceKind = Literal["ceiling", "floor", "real", "shuffled"]
MAX_JACKKNIFE_GROUPS = 20


@dataclass(frozen=True)
class Rules:
    """Rules of a protocol that every score depends on."""

    text: str
    """For titles."""
    settings: Mapping[str, Any]
    """For the settings of scores."""


NO_RULES = Rules("", {})
"""For scores that no frame is looked at for."""
NOTES = {
    "ceiling": "the real videos, scored alike",
    "floor": "the real videos, scored alike",
    "real": "the real videos",
    "shuffled": "the real videos with the next identity's sound",
}


def assemble(
    score: Metric,
    unavailable: str | None,
    clips: Sequence[ClipScores],
    identities: Mapping[str, str],
    rules: Rules,
    meta: Mapping[str, Scalar] | None = None,
) -> Score:
    """Compute one score of a result.

    Args:
        score: the metric.
        unavailable: why it cannot be computed on this machine, or None.
        clips: measurements of all clips.
        identities: identity of each clip, by its id.
        rules: of the protocol.
        meta: facts of the system's manifest.
    """
    if unavailable is None and isinstance(score, VideoMetric):
        return _per_video(score, clips, identities, rules)
    if unavailable is None and isinstance(score, SetMetric):
        return _set(score, clips, identities, rules)
    if unavailable is None and isinstance(score, ReportedMetric):
        return _reported(score, meta or {})
    return _empty(score, rules, unavailable or "neither a score of videos nor of a set")


def rules_of(protocol: Protocol, size: tuple[int, int]) -> Rules:
    """The rules for scoring frames of this width and height."""
    last = f" to {protocol.max_frames - 1}" if protocol.max_frames else ""
    frames = f"from frame {protocol.first_frame}{last} at {protocol.fps:g} fps"
    return Rules(
        f"{protocol.id} version {protocol.version}: whole frames at {size[0]}x{size[1]}, {frames}",
        protocol_settings(*size, protocol.fps, protocol.first_frame, protocol.max_frames),
    )


def _per_video(score: VideoMetric, clips: Sequence[ClipScores], identities: Mapping[str, str], rules: Rules) -> Score:
    values = {clip.id: clip.values[score.name] for clip in clips if score.name in clip.values}
    if not values:
        return _empty(score, rules, _why_none(score, clips))
    numbers, clusters = list(values.values()), [identities[i] for i in values]
    reference = None
    if score.reference is not None:
        reference = _beside(score, score.reference, [clip.references for clip in clips])
    return _score(
        score,
        rules,
        value=aggregate(numbers, score.aggregate),
        interval=cluster_bootstrap(numbers, clusters, score.aggregate),
        per_video=values,
        scored=len(values),
        reference=reference,
        control=_beside(score, "shuffled", [clip.controls for clip in clips]),
        providers=tuple(sorted({clip.providers[score.name] for clip in clips if score.name in clip.providers})),
    )


def _beside(score: VideoMetric, kind: ReferenceKind, found: Sequence[Mapping[str, float]]) -> Reference | None:
    values = [row[score.name] for row in found if score.name in row]
    if not values:
        return None
    return Reference(kind, aggregate(values, score.aggregate), f"{NOTES[kind]} (N={len(values)})")


def _set(score: SetMetric, clips: Sequence[ClipScores], identities: Mapping[str, str], rules: Rules) -> Score:
    # Sorted, so that the order of clips cannot show even in the last digit.
    found = sorted((clip for clip in clips if score.name in clip.collected), key=lambda clip: clip.id)
    if not found:
        return _empty(score, rules, _why_none(score, clips))
    collected = [clip.collected[score.name] for clip in found]
    clusters = [identities[clip.id] for clip in found]
    try:
        value = score.combine(collected)
        return _score(
            score,
            rules,
            amount=score.describe(collected),
            value=value,
            interval=_jackknife(score, value, collected, clusters),
            per_video={},
            scored=len(found),
            reference=score.floor(collected),
            extrapolated=extrapolate(score, collected) if score.extrapolates else None,
        )
    except LtBenchError as error:
        return _empty(score, rules, reason(error))


def _jackknife(
    score: SetMetric, value: float, collected: Sequence[Mapping[str, ndarray]], clusters: Sequence[str]
) -> Interval | None:
    names = sorted(set(clusters))
    groups = min(len(names), MAX_JACKKNIFE_GROUPS)
    if groups < 3:
        return None
    group = {name: index % groups for index, name in enumerate(names)}
    kept = ([c for c, name in zip(collected, clusters, strict=True) if group[name] != g] for g in range(groups))
    found = jackknife_interval(value, [score.combine(part) for part in kept])
    if found is None or score.lowest is None:
        return found
    return replace(found, low=max(found.low, score.lowest))


def _reported(score: ReportedMetric, meta: Mapping[str, Scalar]) -> Score:
    try:
        return _score(score, NO_RULES, value=score.report(meta))
    except LtBenchError as error:
        return _empty(score, NO_RULES, reason(error))


def _why_none(score: Metric, clips: Sequence[ClipScores]) -> str:
    reasons = [miss.reason for clip in clips for miss in clip.misses if miss.score == score.name]
    return (
        f"none of {len(clips)} videos could be scored: {statistics.mode(reasons)}" if reasons else "no video was read"
    )


def _empty(score: Metric, rules: Rules, missing: str) -> Score:
    return _score(score, rules, missing=missing, known=False)


def _score(
    score: Metric,
    rules: Rules,
    amount: str = "",
    value: float | None = None,
    interval: Interval | None = None,
    per_video: dict[str, float] | None = None,
    scored: int = 0,
    reference: Reference | None = None,
    missing: str | None = None,
    known: bool = True,
    control: Reference | None = None,
    extrapolated: Extrapolation | None = None,
    providers: tuple[str, ...] = (),
) -> Score:
    parts = (score.title, score.detail, rules.text, amount)
    settings = {**to_dict(score), **rules.settings}
    return Score(
        name=score.name,
        title=", ".join(part for part in parts if part),
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        target=score.target,
        scope="video" if isinstance(score, VideoMetric) else "set",
        aggregate=score.aggregate if isinstance(score, VideoMetric) else "mean",
        source=score.source,
        detector=score.detector if known else "",
        value=value,
        interval=interval,
        scored=scored,
        per_video=per_video or {},
        reference=reference,
        missing=missing,
        control=control,
        extrapolated=extrapolated,
        settings=settings,
        settings_hash=hash_of_settings(settings),
        providers=providers,
    )
