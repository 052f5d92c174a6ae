"""All scores of one clip; what a worker process does."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.clip import ClipContext, UnscorableError, VideoView
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
    providers: dict[str, str] = field(default_factory=dict)
    """ONNX Runtime's execution provider that the values rest on, for scores that it runs the network of."""
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
            return replace(self.measure(clip, pair.entry, folders), adjusted=adjusted)
        except LtBenchError as error:
            return ClipScores(clip_id, misses=(Miss(clip_id, None, reason(error, folders)),))
        finally:
            self.loader.release()

    def measure(self, clip: ClipContext, entry: RealVideo, folders: Sequence[Path] = ()) -> ClipScores:
        """Score a clip that is loaded.

        Args:
            clip: to be scored.
            entry: its real video, whose files' hashes are part of where values are kept.
            folders: left out of reasons.
        """
        result = ClipScores(clip.id, frames=clip.real.length)
        ledgers = [self._ledger(clip, view, entry) for view in (clip.generated, clip.real)]
        misses = []
        for score in self.scores:
            try:
                _Measurement(score, clip, folders, *ledgers).into(result)
            except LtBenchError as error:
                misses.append(Miss(clip.id, score.name, reason(error, folders)))
        for ledger in ledgers:
            ledger.save()
        return replace(result, misses=tuple(misses))

    def _ledger(self, clip: ClipContext, view: VideoView, entry: RealVideo) -> Ledger:
        """That of the clip with ``view`` in the place of the generated video."""
        stranger = self.loader.strangers.get(clip.id)
        real = self.loader.tools.digest(clip.real.path)
        rest = [clip.id, clip.identity, real, entry.sha256, stranger.sha256 if stranger else None, self._gallery]
        address = {**view.address("values 1"), "beside": sha256_json(rest), "first": clip.first_frame}
        return Ledger(self.loader.tools.store, address)


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
            if score.provider:
                result.providers[name] = score.provider
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
