"""All scores of one clip; what a worker process does."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.clip import ClipContext, UnscorableError
from lt_bench.evaluation.loading import Loader
from lt_bench.evaluation.real_side import RealVideo
from lt_bench.evaluation.results import Miss
from lt_bench.evaluation.scores.base import PerVideoScore, Score, SetScore


@dataclass(frozen=True)
class Pair:
    """A clip and the one file that was generated for it."""

    entry: RealVideo
    generated: Path


@dataclass(frozen=True)
class ClipScores:
    """What was measured on one clip, by name of the score."""

    id: str
    frames: int = 0
    """0 where the pair could not be read."""
    values: dict[str, float] = field(default_factory=dict)
    references: dict[str, float] = field(default_factory=dict)
    """The same scores of the real video."""
    collected: dict[str, dict[str, ndarray]] = field(default_factory=dict)
    """For scores of the whole set."""
    misses: tuple[Miss, ...] = ()


class ClipScorer:
    """Scores clips one by one.

    Args:
        loader: reads the pairs.
        scores: those that can be computed here at all.
    """

    def __init__(self, loader: Loader, scores: Sequence[Score]) -> None:
        self.loader, self.scores = loader, tuple(scores)

    def __call__(self, pair: Pair) -> ClipScores:
        """Score one pair; what cannot be read or scored is a miss with its reason."""
        clip_id, folders = pair.entry.id, (pair.generated.parent, pair.entry.video.parent)
        try:
            clip = self.loader.load(pair.entry, pair.generated)
        except LtBenchError as error:
            return ClipScores(clip_id, misses=(Miss(clip_id, None, reason(error, folders)),))
        result = ClipScores(clip_id, frames=len(clip.real.frames))
        misses = []
        for score in self.scores:
            try:
                _measure(score, clip, result)
            except LtBenchError as error:
                misses.append(Miss(clip_id, score.name, reason(error, folders)))
        self.loader.release()
        return ClipScores(clip_id, result.frames, result.values, result.references, result.collected, tuple(misses))


def reason(error: LtBenchError, folders: Sequence[Path] = ()) -> str:
    """An error's message on one line, with files named relative to ``folders``: results do not tell where they lay."""
    text = " ".join(str(error).split())
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def _measure(score: Score, clip: ClipContext, into: ClipScores) -> None:
    if "truth" in score.needs and clip.truth is None:
        raise UnscorableError("the clip has no truth")
    if isinstance(score, SetScore):
        into.collected[score.name] = dict(score.collect(clip))
    elif isinstance(score, PerVideoScore):
        into.values[score.name] = _finite(score.score, clip)
        if score.reference is not None:
            into.references[score.name] = _finite(score.score, clip.on_real())


def _finite(score: Callable[[ClipContext], float], clip: ClipContext) -> float:
    value = float(score(clip))
    if not math.isfinite(value):
        raise UnscorableError(f"expected a finite value, got {value}")
    return value
