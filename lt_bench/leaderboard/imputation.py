"""Systems that missed clips, ranked all the same: what is missing counts as the worst that any system has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lt_bench.evaluation.results import Clip, Result, Score
from lt_bench.evaluation.statistics import aggregate, cluster_bootstrap
from lt_bench.leaderboard.collect import Entry

NOTE = "missed clips imputed by the worst value of any system"


def impute_worst(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Give every missed clip of a score the worst value that any system of the same protocol and real set has for it.

    Without it, systems that missed different clips stand in tables of their own, and one that fails on hard clips could
    look better than one that scores them all. Scores of sets, and those without a better direction, cannot be imputed:
    they are missing for a system that missed clips, with the reason. Imputed scores say so in their full name.

    Args:
        entries: of all systems; runs without a result pass as they are.
    """
    return tuple(_imputed(entry, [e.result for e in entries if e.result is not None]) for entry in entries)


def _imputed(entry: Entry, results: Sequence[Result]) -> Entry:
    mine = entry.result
    if mine is None:
        return entry
    peers = [r for r in results if _same_task(mine, r)]
    frames = {clip.id: max(_frames(r, clip.id) for r in peers) for clip in mine.clips}
    clips = tuple(Clip(c.id, c.identity, frames[c.id], c.adjusted) for c in mine.clips)
    scores = {name: _score(score, mine, peers) for name, score in mine.scores.items()}
    return replace(entry, result=replace(mine, clips=clips, scores=scores))


def _same_task(a: Result, b: Result) -> bool:
    ids = [[clip.id for clip in result.clips] for result in (a, b)]
    return a.protocol.hash == b.protocol.hash and a.real.hash == b.real.hash and ids[0] == ids[1]


def _frames(result: Result, clip_id: str) -> int:
    return next(clip.frames for clip in result.clips if clip.id == clip_id)


def _score(score: Score, mine: Result, peers: Sequence[Result]) -> Score:
    found = [r.scores[score.name] for r in peers if score.name in r.scores]
    known = {i for other in found for i in other.per_video}
    most = max(other.scored for other in found)
    if score.scope == "set" or (score.higher_is_better is None and score.target is None):
        if score.scored == most:
            return score
        why = f"{most - score.scored} clips missed that another system has, which cannot be imputed for this score"
        return replace(score, value=None, interval=None, per_video={}, scored=0, missing=score.missing or why)
    absent = known - score.per_video.keys()
    # All systems carry the note, or their full names would differ; those that missed nothing keep their values.
    title = f"{score.title}, {NOTE}" if any(known - other.per_video.keys() for other in found) else score.title
    if not absent or not known:
        return replace(score, title=title)
    worst = _worst(score, [value for other in found for value in other.per_video.values()])
    values = {c.id: score.per_video.get(c.id, worst) for c in mine.clips if c.id in known}
    numbers, clusters = list(values.values()), mine.clusters(list(values))
    return replace(
        score,
        title=title,
        value=aggregate(numbers, score.aggregate),
        interval=cluster_bootstrap(numbers, clusters, score.aggregate),
        per_video=values,
        scored=len(values),
        missing=None,
        detector=score.detector or next((other.detector for other in found if other.detector), ""),
    )


def _worst(score: Score, values: Sequence[float]) -> float:
    if score.higher_is_better is None:
        target = score.target or 0.0
        return max(values, key=lambda value: abs(value - target))
    return min(values) if score.higher_is_better else max(values)
