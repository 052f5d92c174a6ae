"""Responses of scores to damages, and whether a score sees a damage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.metrics.base import Metric, SetMetric, VideoMetric
from lt_bench.evaluation.running.clip_scorer import ClipScores
from lt_bench.evaluation.sensitivity.damages import FRAME_DAMAGES, SOUND_DAMAGES
from lt_bench.evaluation.sensitivity.study import Cell, Study
from lt_bench.evaluation.statistics.cluster import aggregate
from lt_bench.evaluation.stores.provenance import git_commit, package_versions

Seen = Literal["yes", "partly", "no", "missing", ""]
"""Whether a score sees a damage.

``yes``: worse at the top of the ladder than undamaged in most clips, and never better from one level to the next. For
a score without a better direction, worse is the way in which the top of the ladder moves it.
``partly``: worse at the top, but not all the way. ``missing``: no value at the top, which is not a low score. Empty:
not measured.
"""
MOST = 0.8
TRACKED = "lip_sync_open_offset"
JUDGE = "lip_sync_open"


@dataclass(frozen=True)
class Response:
    """One score along one damage's ladder."""

    score: str
    damage: str
    levels: tuple[float, ...]
    undamaged: float | None
    """The value of the same clips as they are; None where it has none, as a PSNR of equal videos."""
    values: tuple[float | None, ...]
    """One a level; None where no clip could be scored."""
    spread: tuple[float, ...]
    """Standard deviation over clips, one a level; 0 for scores of sets."""
    worse: float | None
    """Share of clips that are worse at the top than undamaged (or than at the first level)."""
    seen: Seen


@dataclass(frozen=True)
class DamageRow:
    """Who sees one damage."""

    name: str
    unit: str
    levels: tuple[float, ...]
    clips: int
    seen_by: tuple[str, ...]
    partly_seen_by: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All of a study."""

    protocol: str
    real: str
    real_hash: str
    clips: int
    scores: tuple[str, ...]
    missing: dict[str, str]
    damages: tuple[DamageRow, ...]
    responses: tuple[Response, ...]
    tracking: dict[str, Any]
    """How the offset follows late sound, clip by clip, and how the own voice differs from another's."""
    git_commit: str | None
    packages: dict[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


def responses(study: Study) -> Report:
    """Reduce the measurements of a study."""
    baseline = next(cell for cell in study.cells if not cell.damage)
    rows, found = [], []
    for damage in (*FRAME_DAMAGES, *SOUND_DAMAGES):
        cells = [cell for cell in study.cells if cell.damage == damage.name]
        if not cells:
            continue
        of_damage = [_response(score, damage.name, cells, baseline) for score in study.scores]
        found += [response for response in of_damage if response.seen]
        seen, partly = (tuple(r.score for r in of_damage if r.seen == word) for word in ("yes", "partly"))
        rows.append(DamageRow(damage.name, damage.unit, damage.levels, len(cells[0].clips), seen, partly))
    return Report(
        protocol=f"{study.protocol.id} version {study.protocol.version}",
        real=study.reference.dataset,
        real_hash=study.reference.hash,
        clips=len(study.reference.clips),
        scores=tuple(score.name for score in study.scores),
        missing=study.missing,
        damages=tuple(rows),
        responses=tuple(found),
        tracking=_tracking(study, baseline),
        git_commit=git_commit(),
        packages=package_versions(),
    )


def _response(score: Metric, damage: str, cells: Sequence[Cell], baseline: Cell) -> Response:
    ids = {clip.id for clip in cells[0].clips}
    undamaged = [clip for clip in baseline.clips if clip.id in ids]
    ladder = [_value(score, undamaged), *(_value(score, cell.clips) for cell in cells)]
    worse_is = _way(ladder)
    levels = tuple(cell.level for cell in cells if cell.level is not None)
    spread = tuple(float(np.std(list(_per_video(score, cell.clips).values()) or [0.0])) for cell in cells)
    worse = _share_worse(score, undamaged, cells, worse_is)
    seen = _seen(score, ladder, worse, _floor(score, undamaged), worse_is)
    return Response(score.name, damage, levels, ladder[0], tuple(ladder[1:]), spread, worse, seen)


def _way(ladder: Sequence[float | None]) -> int:
    """Which way the values go from the first to the last: 1 up, -1 down."""
    known = [value for value in ladder if value is not None]
    return -1 if known and known[-1] < known[0] else 1


def _seen(score: Metric, ladder: Sequence[float | None], worse: float | None, floor: float, worse_is: int = 1) -> Seen:
    bad = [badness(score, value, worse_is) for value in ladder if value is not None]
    if all(value is None for value in ladder[1:]):
        return ""
    if ladder[-1] is None:
        return "missing"
    if len(bad) < 2:
        return "no"
    if bad[-1] <= bad[0] + floor or (worse is not None and worse < MOST):
        return "no"
    return "yes" if all(a <= b for a, b in pairwise(bad)) else "partly"


def badness(score: Metric, value: float, worse_is: int = 1) -> float:
    """How bad a value is: larger is worse. ``worse_is`` 1 or -1 decides for a score without a better direction."""
    if score.higher_is_better is not None:
        return -value if score.higher_is_better else value
    return abs(value - score.target) if score.target is not None else worse_is * value


def _value(score: Metric, clips: Sequence[ClipScores]) -> float | None:
    if isinstance(score, VideoMetric):
        values = list(_per_video(score, clips).values())
        return aggregate(values, score.aggregate) if values else None
    collected = _collected(score, clips)
    if not isinstance(score, SetMetric) or not collected:
        return None
    try:
        return score.combine(collected)
    except LtBenchError:
        return None


def _floor(score: Metric, clips: Sequence[ClipScores]) -> float:
    """What real videos differ by among themselves: a change below it is none."""
    collected = _collected(score, clips)
    reference = score.floor(collected) if isinstance(score, SetMetric) and collected else None
    return reference.value if reference and reference.kind == "floor" else 0.0


def _share_worse(score: Metric, undamaged: Sequence[ClipScores], cells: Sequence[Cell], worse_is: int) -> float | None:
    if not isinstance(score, VideoMetric):
        return None
    top = _per_video(score, cells[-1].clips)
    before = _per_video(score, undamaged) or _per_video(score, cells[0].clips)
    shared = [name for name in top if name in before]
    if not shared or top is before:
        return None
    return float(
        np.mean([badness(score, top[name], worse_is) > badness(score, before[name], worse_is) for name in shared])
    )


def _per_video(score: Metric, clips: Sequence[ClipScores]) -> dict[str, float]:
    return {clip.id: clip.values[score.name] for clip in clips if score.name in clip.values}


def _collected(score: Metric, clips: Sequence[ClipScores]) -> list[Mapping[str, ndarray]]:
    return [clip.collected[score.name] for clip in sorted(clips, key=lambda c: c.id) if score.name in clip.collected]


def _tracking(study: Study, baseline: Cell) -> dict[str, Any]:
    late = {cell.level: cell.clips for cell in study.cells if cell.damage == "sound_late" and cell.level is not None}
    other = next((c.clips for c in study.cells if c.damage == "sound_of_another" and c.level == 1), None)
    if not late or other is None:
        return {}
    own = {clip.id: clip.values for clip in baseline.clips}
    offsets = {f"{k:g}": {c.id: c.values[TRACKED] for c in v if TRACKED in c.values} for k, v in late.items()}
    within = {k: sum(abs(o + float(k)) <= 1 for o in v.values()) for k, v in offsets.items()}
    moved = {
        k: sum(abs(o - own[i][TRACKED] + float(k)) <= 1 for i, o in v.items() if TRACKED in own[i])
        for k, v in offsets.items()
    }
    matched = [values[JUDGE] for values in own.values() if JUDGE in values]
    mismatched = [c.values[JUDGE] for c in other if JUDGE in c.values]
    return {
        "clips": len(own),
        "offset_undamaged": {name: values.get(TRACKED) for name, values in own.items()},
        "offset_by_frames_late": offsets,
        "clips_within_1_frame": within,
        "clips_moved_by_it_within_1_frame": moved,
        "auc_own_against_another_voice": auc(matched, mismatched) if matched and mismatched else None,
    }


def auc(matched: Sequence[float], mismatched: Sequence[float]) -> float:
    """Chance that a matched value is above a mismatched one; ties count half."""
    a, b = np.array(matched)[:, None], np.array(mismatched)[None]
    return float((a > b).mean() + (a == b).mean() / 2)
