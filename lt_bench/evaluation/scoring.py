"""All scores of one clip; what a worker process does."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.clip import ClipContext, UnscorableError
from lt_bench.evaluation.ledger import Ledger
from lt_bench.evaluation.loading import Loader
from lt_bench.evaluation.real_side import RealVideo
from lt_bench.evaluation.results import Miss
from lt_bench.evaluation.scores.base import PerVideoScore, Score, SetScore
from lt_bench.files import sha256_json


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
    controls: dict[str, float] = field(default_factory=dict)
    """The same scores of the real video with another identity's sound, for scores that listen."""
    collected: dict[str, Mapping[str, ndarray]] = field(default_factory=dict)
    """For scores of the whole set."""
    misses: tuple[Miss, ...] = ()
    adjusted: tuple[str, ...] = ()
    """What was done to rates, sizes and lengths of the two videos."""


class ClipScorer:
    """Scores clips one by one.

    Args:
        loader: reads the pairs.
        scores: those that can be computed here at all.
    """

    def __init__(self, loader: Loader, scores: Sequence[Score]) -> None:
        self.loader, self.scores = loader, tuple(scores)
        gallery = loader.real.gallery.values()
        self._gallery = sha256_json(sorted([take.id, take.identity, take.sha256] for take in gallery))

    def __call__(self, pair: Pair) -> ClipScores:
        """Score one pair; what cannot be read or scored is a miss with its reason."""
        clip_id, folders = pair.entry.id, (pair.generated.parent, pair.entry.video.parent)
        try:
            clip, adjusted = self.loader.load(pair.entry, pair.generated)
        except LtBenchError as error:
            self.loader.release()
            return ClipScores(clip_id, misses=(Miss(clip_id, None, reason(error, folders)),))
        result = ClipScores(clip_id, frames=clip.real.length)
        ledgers = [self._ledger(pair, clip, video.path) for video in (clip.generated, clip.real)]
        misses = []
        for score in self.scores:
            try:
                _Measurement(score, clip, folders, *ledgers).into(result)
            except LtBenchError as error:
                misses.append(Miss(clip_id, score.name, reason(error, folders)))
        for ledger in ledgers:
            ledger.save()
        self.loader.release()
        found = (result.values, result.references, result.controls, result.collected)
        return ClipScores(clip_id, result.frames, *found, tuple(misses), adjusted)

    def _ledger(self, pair: Pair, clip: ClipContext, video: Path) -> Ledger:
        """That of the pair with ``video`` in the place of the generated one."""
        tools, stranger = self.loader.tools, self.loader.strangers.get(clip.id)
        files = [pair.entry.sha256, stranger.sha256 if stranger else None, self._gallery]
        return Ledger(
            tools.store,
            {
                "video": tools.digest(video),
                "real": sha256_json([clip.id, clip.identity, tools.digest(clip.real.path), *files]),
                "key": "values 1",
                "treatment": f"{clip.generated.treatment} from {clip.first_frame}",
                "fps": clip.generated.fps,
            },
        )


def reason(error: LtBenchError, folders: Sequence[Path] = ()) -> str:
    """An error's message on one line, with files named relative to ``folders``: results do not tell where they lay."""
    text = " ".join(str(error).split())
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


@dataclass(frozen=True)
class _Measurement:
    """One score on one clip."""

    score: Score
    clip: ClipContext
    folders: Sequence[Path]
    pair_ledger: Ledger
    real_ledger: Ledger

    def into(self, result: ClipScores) -> None:
        """Measure; what can be had goes into ``result``, a miss is raised."""
        score, clip, name = self.score, self.clip, self.score.name
        if "truth" in score.needs and clip.truth is None:
            raise UnscorableError("the clip has no truth")
        if isinstance(score, SetScore):
            result.collected[name] = dict(score.collect(clip))
        elif isinstance(score, PerVideoScore):
            result.values[name] = self._value(score.score, self.pair_ledger, "value", clip)
            if score.reference is not None:
                self._beside(score, "reference", clip.on_real(), result.references)
            if "audio" in score.needs and (misvoiced := clip.misvoiced()):
                self._beside(score, "control", misvoiced, result.controls)

    def _beside(self, score: PerVideoScore, role: str, clip: ClipContext, into: dict[str, float]) -> None:
        """The same score for comparison; how many of them there are stands in the result, so a miss is no miss."""
        try:
            into[score.name] = self._value(score.score, self.real_ledger, role, clip)
        except LtBenchError:
            return

    def _value(self, score: Callable[[ClipContext], float], ledger: Ledger, role: str, clip: ClipContext) -> float:
        return ledger.value(self.score, role, lambda: _finite(score, clip), lambda error: reason(error, self.folders))


def _finite(score: Callable[[ClipContext], float], clip: ClipContext) -> float:
    value = float(score(clip))
    if not math.isfinite(value):
        raise UnscorableError(f"expected a finite value, got {value}")
    return value
