"""Score a folder of generated videos against real ones: pair, measure, aggregate."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lt_bench.errors import AssetError, ResultError
from lt_bench.evaluation.assembly import assemble, facts_of
from lt_bench.evaluation.engines import Engine, run
from lt_bench.evaluation.feature_store import DEFAULT_LIMIT, FeatureStore
from lt_bench.evaluation.generated_side import GeneratedSide, open_generated_side
from lt_bench.evaluation.pairing import Pairing, pair_by_file, pair_by_name
from lt_bench.evaluation.protocol import Protocol, load_protocol
from lt_bench.evaluation.provenance import git_commit, package_versions
from lt_bench.evaluation.real_side import RealSide, open_real_side
from lt_bench.evaluation.results import Clip, Miss, ProtocolRef, RealSetRef, Result, Scalar, Score, Unused
from lt_bench.evaluation.scores.base import Score as ScoreRule
from lt_bench.evaluation.scoring import ClipScores
from lt_bench.evaluation.shelf import Shelf
from lt_bench.evaluation.work import Work, build_scores
from lt_bench.files import printable, sha256_file
from lt_bench.plugins import load_plugins

Progress = Callable[[int, int], None]
"""Told how many of how many clips are done."""


MAX_REASONS = 5
"""Different reasons that an error quotes where nothing could be scored."""


@dataclass(frozen=True)
class Options:
    """How to score, beside the protocol; none of it changes a number but ``clips`` and ``pairs``."""

    clips: int = 0
    """Score the first so many clips of the real set, by id; 0 for all."""
    workers: int = 1
    """Processes, or Ray tasks side by side."""
    devices: tuple[str, ...] = ()
    """Of the processes, in turn, as ``lt_bench.devices.parse_devices`` names them; none for all GPUs."""
    store: Path | None = None
    """Folder of features and values; None for the user's cache."""
    plugins: tuple[Path, ...] = ()
    """Python files that register more scores."""
    pairs: Path | None = None
    """CSV or JSON file that says which generated video belongs to which real one; None: by name."""
    engine: Engine = "local"
    store_limit: int = DEFAULT_LIMIT
    """Bytes that the folder of features may hold afterwards; the least recently used go first."""


class Harness:
    """Scores folders of videos under one protocol.

    ::

        result = Harness("open-v1").evaluate(real="real_videos", generated="their_videos")
        print(result.scores["lip_sync_open"].value)

    Args:
        protocol: its name, the path of its YAML file, or itself.
        options: how; also as keywords.

    Raises:
        ConfigError: an unknown protocol, score or setting; said here, before any work.
    """

    def __init__(self, protocol: Protocol | str, options: Options | None = None, **changes: object) -> None:
        self.options = replace(options or Options(), **changes)  # type: ignore[arg-type]
        load_plugins(self.options.plugins)
        self.protocol = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
        self.scores = build_scores(self.protocol)

    def evaluate(
        self,
        real: str | os.PathLike[str],
        generated: str | os.PathLike[str],
        progress: Progress | None = None,
        system: str | None = None,
        meta: Mapping[str, Scalar] | None = None,
        announce: Callable[[Mapping[str, str]], None] | None = None,
    ) -> Result:
        """Score every clip of ``real`` that has a video in ``generated``.

        Args:
            real: a real set's folder, or any folder of videos.
            generated: folder of videos, perhaps with the manifest of a generated set.
            progress: told after every clip.
            system: name in tables; otherwise the manifest's, otherwise the folder's.
            meta: more facts for the result.
            announce: called before anything is measured, with the scores that cannot be computed here, and why.

        Raises:
            LtBenchError: bad input: no folder, no videos, or nothing that could be scored.
        """
        made, reals = open_generated_side(generated), open_real_side(real)
        _check_origin(made, reals)
        chosen = replace(reals, clips=reals.clips[: self.options.clips or None])
        pairing = self._pair(made, chosen, reals)
        size = reals.size(self.protocol.size)
        missing = {score.name: unavailable(score, reals) for score in self.scores}
        able = tuple(name for name, reason in missing.items() if reason is None)
        if announce is not None:
            announce({name: reason for name, reason in missing.items() if reason is not None})
        work = Work(reals, self.protocol, size, able, self.options.store, self.options.plugins)
        with Shelf() as shelf:
            measured = self._measure(work, pairing, len(chosen.clips), shelf, progress)
            misses = [*pairing.misses, *(miss for clip in measured for miss in clip.misses)]
            _check_any(measured, misses, made, len(chosen.clips))
            identities = {clip.id: clip.identity for clip in chosen.clips}
            facts = facts_of(self.protocol, size)
            facts_reported = {**made.meta, **(meta or {})}
            values = [
                assemble(score, missing[score.name], measured, identities, facts, facts_reported)
                for score in self.scores
            ]
        FeatureStore(self.options.store).prune(self.options.store_limit)
        return self._result(made, chosen, reals, size, pairing, measured, misses, values, system, meta)

    def _pair(self, made: GeneratedSide, chosen: RealSide, reals: RealSide) -> Pairing:
        if self.options.pairs is None:
            return pair_by_name(made, chosen, reals)
        return pair_by_file(made, chosen, self.options.pairs)

    def _measure(
        self, work: Work, pairing: Pairing, total: int, shelf: Shelf, progress: Progress | None
    ) -> list[ClipScores]:
        tell = progress or (lambda done, of: None)
        missed, measured = total - len(pairing.pairs), []
        tell(missed, total)
        options = self.options
        for clip in run(work, pairing.pairs, options.workers, options.engine, options.devices):
            measured.append(shelf.keep(clip))
            tell(missed + len(measured), total)
        return sorted(measured, key=lambda clip: clip.id)  # so that who was first cannot show

    def _result(
        self,
        made: GeneratedSide,
        chosen: RealSide,
        reals: RealSide,
        size: tuple[int, int],
        pairing: Pairing,
        measured: Sequence[ClipScores],
        misses: Sequence[Miss],
        values: Sequence[Score],
        system: str | None,
        meta: Mapping[str, Scalar] | None,
    ) -> Result:
        rules, found = self.protocol, {clip.id: clip for clip in measured}
        nothing = ClipScores("")
        clips = [(c, found.get(c.id, nothing)) for c in chosen.clips]
        files = {pair.entry.id: _inside(made.folder, pair.generated) for pair in pairing.pairs}
        unused = [Unused("generated", name, why) for name, why in made.unused.items()]
        unused += [Unused("real", name, why) for name, why in reals.unused.items()]
        plugins = {f"plugin {path.name}": sha256_file(path) for path in self.options.plugins}
        pairs = {"pairs": sha256_file(self.options.pairs)} if self.options.pairs else {}
        return Result(
            system=system or made.system,
            protocol=ProtocolRef(
                rules.id, rules.version, rules.hash, *size, rules.fps, rules.first_frame, rules=rules.rules
            ),
            real=RealSetRef(reals.hash, reals.dataset, reals.split),
            clips=tuple(
                Clip(c.id, c.identity, clip.frames, clip.adjusted, files.get(c.id, ""), _inside(reals.folder, c.video))
                for c, clip in clips
            ),
            misses=tuple(sorted(misses, key=lambda m: (m.clip, m.score or ""))),
            scores={value.name: value for value in values},
            seed=made.seed,
            git_commit=git_commit(),
            packages=package_versions(),
            cache_hash=made.cache_hash,
            meta={**made.meta, **plugins, **pairs, **(meta or {})},
            unused=tuple(unused),
        )


def evaluate(
    generated: str | os.PathLike[str],
    real: str | os.PathLike[str],
    protocol: Protocol | str,
    progress: Progress | None = None,
    system: str | None = None,
    meta: Mapping[str, Scalar] | None = None,
    options: Options | None = None,
) -> Result:
    """``Harness(protocol, options).evaluate(real, generated, ...)`` in one call."""
    return Harness(protocol, options).evaluate(real, generated, progress, system, meta)


def unavailable(score: ScoreRule, real: RealSide) -> str | None:
    """Why a score cannot be computed on a real set here at all, or None."""
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


def _inside(folder: Path, file: Path) -> str:
    return printable(file.relative_to(folder).as_posix())


def _check_origin(made: GeneratedSide, real: RealSide) -> None:
    if None not in (made.real_hash, real.manifest_hash) and made.real_hash != real.manifest_hash:
        raise ResultError(
            f"{made.folder}: key 'real_hash': videos made for another real set: expected "
            f"{str(real.manifest_hash)[:16]}.., got {str(made.real_hash)[:16]}.."
        )


def _check_any(measured: Sequence[ClipScores], misses: Sequence[Miss], made: GeneratedSide, given: int) -> None:
    if any(clip.frames for clip in measured):
        return
    # One clip for each reason, however many clips share it.
    reasons: dict[str, Miss] = {}
    for miss in sorted(misses, key=lambda miss: miss.clip):
        reasons.setdefault(miss.reason, miss)
    told = [f"{miss.clip}: {miss.reason}" for miss in reasons.values()]
    more = f"; and {len(told) - MAX_REASONS} more reasons" if len(told) > MAX_REASONS else ""
    listed = "; ".join(told[:MAX_REASONS])
    raise ResultError(f"{made.folder}: nothing to score: {given} of {given} clips missed; {listed}{more}")
