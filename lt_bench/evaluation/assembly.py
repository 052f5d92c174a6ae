"""From the measurements of single clips to the scores of a result."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.extrapolation import extrapolate
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.results import Extrapolation, Interval, Reference, Scalar
from lt_bench.evaluation.results import Score as ScoreValue
from lt_bench.evaluation.scores.base import PerVideoScore, ReportedScore, Score, SetScore
from lt_bench.evaluation.scoring import ClipScores, reason
from lt_bench.evaluation.statistics import aggregate, cluster_bootstrap, jackknife_interval

ReferenceKind = Literal["ceiling", "floor", "real", "shuffled"]
MAX_JACKKNIFE_GROUPS = 20
NOTES = {
    "ceiling": "the real videos, scored alike",
    "floor": "the real videos, scored alike",
    "real": "the real videos",
    "shuffled": "the real videos with the next identity's sound",
}


def assemble(
    score: Score,
    unavailable: str | None,
    clips: Sequence[ClipScores],
    identities: Mapping[str, str],
    facts: str,
    meta: Mapping[str, Scalar] | None = None,
) -> ScoreValue:
    """One score of a result.

    Args:
        score: which.
        unavailable: why it could not be computed here at all, or None.
        clips: all clips' measurements.
        identities: by clip id.
        facts: size and frames, for the full name.
        meta: what the system's manifest says.
    """
    if unavailable is None and isinstance(score, PerVideoScore):
        return _per_video(score, clips, identities, facts)
    if unavailable is None and isinstance(score, SetScore):
        return _set(score, clips, identities, facts)
    if unavailable is None and isinstance(score, ReportedScore):
        return _reported(score, meta or {})
    return _empty(score, facts, unavailable or "neither a score of videos nor of a set")


def facts_of(protocol: Protocol, size: tuple[int, int]) -> str:
    """What every full name ends with."""
    last = f" to {protocol.max_frames - 1}" if protocol.max_frames else ""
    frames = f"from frame {protocol.first_frame}{last} at {protocol.fps:g} fps"
    return f"{protocol.id} version {protocol.version}: whole frames at {size[0]}x{size[1]}, {frames}"


def _per_video(
    score: PerVideoScore, clips: Sequence[ClipScores], identities: Mapping[str, str], facts: str
) -> ScoreValue:
    values = {clip.id: clip.values[score.name] for clip in clips if score.name in clip.values}
    if not values:
        return _empty(score, facts, _why_none(score, clips))
    numbers, clusters = list(values.values()), [identities[i] for i in values]
    reference = None
    if score.reference is not None:
        reference = _beside(score, score.reference, [clip.references for clip in clips])
    return _score(
        score,
        f"{facts}, N={len(values)}",
        value=aggregate(numbers, score.aggregate),
        interval=cluster_bootstrap(numbers, clusters, score.aggregate),
        per_video=values,
        scored=len(values),
        reference=reference,
        control=_beside(score, "shuffled", [clip.controls for clip in clips]),
        providers=tuple(sorted({clip.providers[score.name] for clip in clips if score.name in clip.providers})),
    )


def _beside(score: PerVideoScore, kind: ReferenceKind, found: Sequence[Mapping[str, float]]) -> Reference | None:
    values = [row[score.name] for row in found if score.name in row]
    if not values:
        return None
    return Reference(kind, aggregate(values, score.aggregate), f"{NOTES[kind]} (N={len(values)})")


def _set(score: SetScore, clips: Sequence[ClipScores], identities: Mapping[str, str], facts: str) -> ScoreValue:
    # Sorted, so that the order of clips cannot show even in the last digit.
    found = sorted((clip for clip in clips if score.name in clip.collected), key=lambda clip: clip.id)
    if not found:
        return _empty(score, facts, _why_none(score, clips))
    collected = [clip.collected[score.name] for clip in found]
    clusters = [identities[clip.id] for clip in found]
    try:
        value = score.combine(collected)
        return _score(
            score,
            f"{facts}, {score.describe(collected)}",
            value=value,
            interval=_jackknife(score, value, collected, clusters),
            per_video={},
            scored=len(found),
            reference=score.floor(collected),
            extrapolated=extrapolate(score, collected) if score.extrapolates else None,
        )
    except LtBenchError as error:
        return _empty(score, facts, reason(error))


def _jackknife(
    score: SetScore, value: float, collected: Sequence[Mapping[str, ndarray]], clusters: Sequence[str]
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


def _reported(score: ReportedScore, meta: Mapping[str, Scalar]) -> ScoreValue:
    try:
        return _score(score, "", value=score.report(meta))
    except LtBenchError as error:
        return _empty(score, "", reason(error))


def _why_none(score: Score, clips: Sequence[ClipScores]) -> str:
    reasons = [miss.reason for clip in clips for miss in clip.misses if miss.score == score.name]
    return (
        f"none of {len(clips)} videos could be scored: {statistics.mode(reasons)}" if reasons else "no video was read"
    )


def _empty(score: Score, facts: str, missing: str) -> ScoreValue:
    return _score(score, facts, missing=missing, known=False)


def _score(
    score: Score,
    facts: str,
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
) -> ScoreValue:
    parts = (score.title, score.detail, facts)
    return ScoreValue(
        name=score.name,
        title=", ".join(part for part in parts if part),
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        target=score.target,
        scope="video" if isinstance(score, PerVideoScore) else "set",
        aggregate=score.aggregate if isinstance(score, PerVideoScore) else "mean",
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
        providers=providers,
    )
