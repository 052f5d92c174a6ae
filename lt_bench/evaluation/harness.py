"""Score a folder of generated videos against real ones: pair, measure, aggregate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from lt_bench.errors import AssetError, ResultError
from lt_bench.evaluation.assembly import assemble, facts_of
from lt_bench.evaluation.clip import Tools
from lt_bench.evaluation.feature_store import FeatureStore
from lt_bench.evaluation.generated_side import GeneratedSide, open_generated_side
from lt_bench.evaluation.loading import Loader
from lt_bench.evaluation.plugins import load_plugins
from lt_bench.evaluation.protocol import Protocol, load_protocol
from lt_bench.evaluation.provenance import git_commit, package_versions
from lt_bench.evaluation.real_side import RealSide, open_real_side
from lt_bench.evaluation.results import Clip, Miss, ProtocolRef, RealSetRef, Result, Scalar
from lt_bench.evaluation.scores.base import Score, build_score
from lt_bench.evaluation.scoring import ClipScorer, ClipScores, Pair
from lt_bench.files import sha256_file

Progress = Callable[[int, int], None]
"""Told how many of how many clips are done."""


@dataclass(frozen=True)
class Options:
    """How to score, beside the protocol; none of it changes a number but ``clips``."""

    clips: int = 0
    """Score the first so many clips of the real set, by id; 0 for all."""
    workers: int = 1
    """Processes."""
    store: Path | None = None
    """Folder of the features of real videos; None for the user's cache."""
    plugins: tuple[Path, ...] = ()
    """Python files that register more scores."""


def evaluate(
    generated: str | os.PathLike[str],
    real: str | os.PathLike[str],
    protocol: Protocol | str,
    progress: Progress | None = None,
    system: str | None = None,
    meta: Mapping[str, Scalar] | None = None,
    options: Options | None = None,
) -> Result:
    """Score every clip of ``real`` that has a video of its name in ``generated``.

    Args:
        generated: folder of videos, perhaps with the manifest of a generated set.
        real: a real set's folder, or any folder of videos.
        protocol: its name, the path of its YAML file, or itself.
        progress: told after every clip.
        system: name in tables; otherwise the manifest's, otherwise the folder's.
        meta: more facts for the result.
        options: how.

    Raises:
        LtBenchError: bad input: no folder, no videos, an unknown protocol, or nothing that could be scored.
    """
    options = options or Options()
    load_plugins(options.plugins)
    rules = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    scores = _build_scores(rules)
    made, reals = open_generated_side(generated), open_real_side(real)
    _check_origin(made, reals)
    chosen = replace(reals, clips=reals.clips[: options.clips or None])
    size = reals.size(rules.size)
    missing = {score.name: _unavailable(score, reals) for score in scores}
    pairs, misses = _pair(made, chosen)
    unpaired = _unpaired(made, reals)
    work = _Work(reals, rules, size, tuple(s.name for s in scores if missing[s.name] is None), options)
    measured = list(_measure(work, pairs, len(chosen.clips), progress))
    misses += [miss for clip in measured for miss in clip.misses]
    if not any(clip.frames for clip in measured):
        first = min(misses, key=lambda miss: miss.clip)
        raise ResultError(
            f"{made.folder}: nothing to score: {len(chosen.clips)} of {len(chosen.clips)} clips missed; "
            f"{first.clip}: {first.reason}"
        )
    identities = {clip.id: clip.identity for clip in chosen.clips}
    facts = facts_of(rules, size)
    values = [assemble(score, missing[score.name], measured, identities, facts) for score in scores]
    frames = {clip.id: clip.frames for clip in measured}
    return Result(
        system=system or made.system,
        protocol=ProtocolRef(
            rules.id, rules.version, rules.hash, *size, fps=rules.fps, first_frame=rules.first_frame, rules=rules.rules
        ),
        real=RealSetRef(reals.hash, reals.dataset, reals.split),
        clips=tuple(Clip(c.id, c.identity, frames.get(c.id, 0)) for c in chosen.clips),
        misses=tuple(sorted([*misses, *unpaired], key=lambda m: (m.clip, m.score or ""))),
        scores={value.name: value for value in values},
        seed=made.seed,
        git_commit=git_commit(),
        packages=package_versions(),
        cache_hash=made.cache_hash,
        meta={**made.meta, **_plugin_facts(options.plugins), **(meta or {})},
    )


@dataclass(frozen=True)
class _Work:
    """What a worker process needs to start."""

    real: RealSide
    protocol: Protocol
    size: tuple[int, int]
    scores: tuple[str, ...]
    options: Options

    def scorer(self) -> ClipScorer:
        load_plugins(self.options.plugins)
        scores = [score for score in _build_scores(self.protocol) if score.name in self.scores]
        tools = Tools(FeatureStore(self.options.store))
        return ClipScorer(Loader(self.real, self.protocol, self.size, tools), scores)


def _build_scores(protocol: Protocol) -> list[Score]:
    return [build_score(s.name, s.settings, f"protocol {protocol.id}") for s in protocol.scores]


def _unavailable(score: Score, real: RealSide) -> str | None:
    if "truth" in score.needs and not real.has_truth:
        return "the real set has no exact truth (only synthetic sets have)"
    if "gallery" in score.needs and not {clip.identity for clip in real.clips} <= real.gallery.keys():
        return "the real set has no gallery take of every identity"
    if "stranger" in score.needs and not real.strangers():
        return "the real set has fewer than two identities"
    try:
        return score.unavailable()
    except AssetError as error:
        return " ".join(str(error).split())


def _check_origin(made: GeneratedSide, real: RealSide) -> None:
    if None not in (made.real_hash, real.manifest_hash) and made.real_hash != real.manifest_hash:
        raise ResultError(
            f"{made.folder}: key 'real_hash': videos made for another real set: expected "
            f"{str(real.manifest_hash)[:16]}.., got {str(made.real_hash)[:16]}.."
        )


def _pair(made: GeneratedSide, real: RealSide) -> tuple[list[Pair], list[Miss]]:
    pairs, misses = [], []
    for entry in real.clips:
        found = made.videos.get(entry.id, [])
        if len(found) == 1:
            pairs.append(Pair(entry, found[0]))
        elif found:
            names = " and ".join(path.name for path in found)
            misses.append(Miss(entry.id, None, f"expected one generated video of this name, got {names}"))
        else:
            misses.append(Miss(entry.id, None, made.reasons.get(entry.id, "no generated video of this name")))
    return pairs, misses


def _unpaired(made: GeneratedSide, real: RealSide) -> list[Miss]:
    known = {clip.id for clip in (*real.clips, *real.gallery.values())}
    return [Miss(name, None, "no real video of this name") for name in sorted(made.videos.keys() - known)]


def _plugin_facts(plugins: Sequence[Path]) -> dict[str, Scalar]:
    return {f"plugin {path.name}": sha256_file(path) for path in plugins}


def _measure(work: _Work, pairs: Sequence[Pair], total: int, progress: Progress | None) -> Iterator[ClipScores]:
    tell = progress or (lambda done, of: None)
    missed = total - len(pairs)
    tell(missed, total)
    for done, clip in enumerate(_run(work, pairs), missed + 1):
        yield clip
        tell(done, total)


def _run(work: _Work, pairs: Sequence[Pair]) -> Iterator[ClipScores]:
    if work.options.workers <= 1 or len(pairs) < 2:
        scorer = work.scorer()
        try:
            yield from map(scorer, pairs)
        finally:
            scorer.loader.tools.close()
        return
    start = partial(_start_worker, work)
    workers = min(work.options.workers, len(pairs))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=start) as pool:
        yield from pool.map(_score_in_worker, pairs)


_SCORER: list[ClipScorer] = []


def _start_worker(work: _Work) -> None:
    import torch

    torch.set_num_threads(1)
    _SCORER[:] = [work.scorer()]


def _score_in_worker(pair: Pair) -> ClipScores:
    return _SCORER[0](pair)
