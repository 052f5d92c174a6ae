"""Imputation of missed clips by the worst value of any system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lt_bench.evaluation.results.result_file import Result, Score
from lt_bench.evaluation.statistics.cluster import aggregate, cluster_bootstrap
from lt_bench.leaderboard.tables.collect import Entry

NOTE = "missed clips imputed by the worst value of any system"
"""End of the title of an imputed score."""


def impute_worst(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give missed clips of a score the worst value that any system has, by the same detector on the same real set.

    Without it, systems that missed different clips stand in tables of their own, and one that fails on hard clips could
    look better than one that scores them all. Only misses whose fault is ``generated`` count; others stay missed, as
    does a score that a system has for no clip. Scores of sets, and those without a better direction, cannot be imputed:
    they are missing for a system that missed clips, with the reason. The titles of imputed scores say so.

    Args:
        entries: of all systems; runs without a result pass as they are.
    """
    return tuple(_imputed(entry, [e.result for e in entries if e.result is not None]) for entry in entries)


def _imputed(entry: Entry, results: Sequence[Result]) -> Entry:
    mine = entry.result
    if mine is None:
        return entry
    peers = [r for r in results if _same_task(mine, r)]
    clips = tuple(c if c.frames else replace(c, frames=max(_frames(r, c.id) for r in peers)) for c in mine.clips)
    scores = {name: _score(score, mine, peers) for name, score in mine.scores.items()}
    return replace(entry, result=replace(mine, clips=clips, scores=scores))


def _same_task(a: Result, b: Result) -> bool:
    ids = [[clip.id for clip in result.clips] for result in (a, b)]
    return a.protocol.hash == b.protocol.hash and a.real.hash == b.real.hash and ids[0] == ids[1]


def _frames(result: Result, clip_id: str) -> int:
    return next(clip.frames for clip in result.clips if clip.id == clip_id)


def _score(score: Score, mine: Result, peers: Sequence[Result]) -> Score:
    if score.value is None:
        return score
    found = [r for r in peers if _alike(r.scores.get(score.name), score)]
    others = [r.scores[score.name] for r in found]
    if score.scope == "set" or (score.higher_is_better is None and score.target is None):
        fewer = max(other.scored for other in others) - score.scored
        why = f"{fewer} clips missed that another system has, which cannot be imputed for this score"
        return replace(score, value=None, interval=None, per_video={}, scored=0, missing=why) if fewer else score
    known = {i for other in others for i in other.per_video}
    if not any(_lost(r, score.name, known) for r in found):
        return score
    # The note concerns the whole column, so every system carries it; those that missed nothing keep their values.
    lost = _lost(mine, score.name, known)
    worst = _worst(score, [value for other in others for value in other.per_video.values()])
    values = {c.id: score.per_video.get(c.id, worst) for c in mine.clips if c.id in score.per_video.keys() | lost}
    score = replace(score, title=f"{score.title}, {NOTE}")
    return _with_values(score, mine, values) if lost else score


def _alike(other: Score | None, score: Score) -> bool:
    return (
        other is not None
        and other.value is not None
        and (other.detector, other.settings_hash) == (score.detector, score.settings_hash)
    )


def _lost(result: Result, name: str, known: set[str]) -> set[str]:
    """Of the clips that any system has the score for, those that the generated video's fault costs this result."""
    failed = {m.clip for m in result.misses if m.score in (None, name) and m.fault == "generated"}
    return (known - result.scores[name].per_video.keys()) & failed


def _with_values(score: Score, result: Result, values: dict[str, float]) -> Score:
    numbers, clusters = list(values.values()), result.clusters(list(values))
    return replace(
        score,
        value=aggregate(numbers, score.aggregate),
        interval=cluster_bootstrap(numbers, clusters, score.aggregate),
        per_video=values,
        scored=len(values),
    )


def _worst(score: Score, values: Sequence[float]) -> float:
    if score.higher_is_better is None:
        target = score.target or 0.0
        return max(values, key=lambda value: abs(value - target))
    return min(values) if score.higher_is_better else max(values)
