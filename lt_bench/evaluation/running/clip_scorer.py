"""Scoring of one clip: the task of a worker process."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError, VideoView
from lt_bench.evaluation.inputs.clip_loader import Loader
from lt_bench.evaluation.inputs.reference_set import ReferenceVideo
from lt_bench.evaluation.metrics.base import Metric, SetMetric, VideoMetric
from lt_bench.evaluation.results.result_file import Miss
from lt_bench.evaluation.running.value_cache import ValueCache
from lt_bench.files import sha256_json


@dataclass(frozen=True)
class Pair:
    """A clip and the one file that was generated for it."""

    entry: ReferenceVideo
    generated: Path


@dataclass(frozen=True)
class ClipScores:
    """The measurements of one clip, by name of the metric."""

    id: str
    frames: int = 0
    """Number of frames; 0 where the pair could not be read."""
    values: dict[str, float] = field(default_factory=dict)
    references: dict[str, float] = field(default_factory=dict)
    """The same scores of the real video."""
    controls: dict[str, float] = field(default_factory=dict)
    """The same scores of the real video with another identity's sound, for metrics that use audio."""
    collected: dict[str, Mapping[str, ndarray]] = field(default_factory=dict)
    """Features for set-level metrics."""
    providers: dict[str, str] = field(default_factory=dict)
    """ONNX Runtime's execution provider of each metric whose network it runs."""
    misses: tuple[Miss, ...] = ()
    adjusted: tuple[str, ...] = ()
    """Changes to rates, sizes and lengths of the two videos."""


class ClipScorer:
    """Scores single clips.

    Args:
        loader: reads the pairs.
        scores: those that can be computed here at all.
    """

    def __init__(self, loader: Loader, scores: Sequence[Metric]) -> None:
        self.loader, self.scores = loader, tuple(scores)
        gallery = loader.reference.gallery.values()
        self._gallery = sha256_json(sorted([take.id, take.identity, take.sha256] for take in gallery))

    def __call__(self, pair: Pair) -> ClipScores:
        """Score one pair; a clip that cannot be read or scored becomes a miss with reason and fault."""
        clip_id, folders = pair.entry.id, (pair.generated.parent, pair.entry.video.parent)
        try:
            clip, adjusted = self.loader.load(pair.entry, pair.generated)
            return replace(self.measure(clip, pair.entry, folders), adjusted=adjusted)
        except LtBenchError as error:
            return ClipScores(clip_id, misses=(miss_of(error, clip_id, None, folders),))
        finally:
            self.loader.release()

    def measure(self, clip: ClipContext, entry: ReferenceVideo, folders: Sequence[Path] = ()) -> ClipScores:
        """Score a clip that is loaded.

        Args:
            clip: to be scored.
            entry: its real video, whose files' hashes are part of where values are kept.
            folders: left out of reasons.
        """
        result = ClipScores(clip.id, frames=clip.real.length)
        value_caches = [self._value_cache(clip, view, entry) for view in (clip.generated, clip.real)]
        misses = []
        for score in self.scores:
            try:
                _Measurement(score, clip, folders, *value_caches).into(result)
            except LtBenchError as error:
                misses.append(miss_of(error, clip.id, score.name, folders))
        for values in value_caches:
            values.save()
        return replace(result, misses=tuple(misses))

    def _value_cache(self, clip: ClipContext, view: VideoView, entry: ReferenceVideo) -> ValueCache:
        """Open the value cache of the clip with ``view`` instead of the generated video."""
        other = self.loader.other_identities.get(clip.id)
        real = self.loader.tools.digest(clip.real.path)
        rest = [clip.id, clip.identity, real, entry.sha256, other.sha256 if other else None, self._gallery]
        address = {**view.address("values 2"), "beside": sha256_json(rest), "first": clip.first_frame}
        return ValueCache(self.loader.tools.store, address)


def miss_of(error: LtBenchError, clip: str, score: str | None, folders: Sequence[Path] = ()) -> Miss:
    """The entry of a result for a clip that was not scored.

    A metric is a number of the generated video, so an error without a fault counts against that one.
    """
    return Miss(clip, score, reason(error, folders), fault=error.fault or "generated")


def reason(error: LtBenchError, folders: Sequence[Path] = ()) -> str:
    """Return an error's message on one line, with files relative to ``folders``: results keep no local paths."""
    text = " ".join(str(error).split())
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


@dataclass(frozen=True)
class _Measurement:
    """One score on one clip."""

    score: Metric
    clip: ClipContext
    folders: Sequence[Path]
    pair_values: ValueCache
    reference_values: ValueCache

    def into(self, result: ClipScores) -> None:
        """Add the measurements to ``result``; raises where there is no value."""
        score, clip, name = self.score, self.clip, self.score.name
        if "truth" in score.needs and clip.truth is None:
            raise UnscorableError("the clip has no truth", fault="reference")
        if isinstance(score, SetMetric):
            result.collected[name] = dict(score.collect(clip))
        elif isinstance(score, VideoMetric):
            result.values[name] = self._value(score.score, self.pair_values, "value", clip)
            if score.provider:
                result.providers[name] = score.provider
            if score.reference is not None:
                self._beside(score, "reference", clip.on_real(), result.references)
            if "audio" in score.needs and (misvoiced := clip.misvoiced()):
                self._beside(score, "control", misvoiced, result.controls)

    def _beside(self, score: VideoMetric, role: str, clip: ClipContext, into: dict[str, float]) -> None:
        """Add the same score for comparison, if there is one: the result states how many clips it is based on."""
        try:
            into[score.name] = self._value(score.score, self.reference_values, role, clip)
        except LtBenchError:
            return

    def _value(self, score: Callable[[ClipContext], float], values: ValueCache, role: str, clip: ClipContext) -> float:
        return values.value(self.score, role, lambda: _finite(score, clip), lambda error: reason(error, self.folders))


def _finite(score: Callable[[ClipContext], float], clip: ClipContext) -> float:
    value = float(score(clip))
    if not math.isfinite(value):
        raise UnscorableError(f"expected a finite value, got {value}")
    return value
