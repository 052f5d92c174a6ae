"""Scoring of a folder of generated videos against a reference set: pair, measure, aggregate."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lt_bench.errors import AssetError, ResultError
from lt_bench.evaluation.inputs.generated_videos import GeneratedVideos, open_generated_videos
from lt_bench.evaluation.inputs.pairing import Pairing, pair_by_file, pair_by_name
from lt_bench.evaluation.inputs.reference_set import ReferenceSet, open_reference_set
from lt_bench.evaluation.metrics.base import Metric
from lt_bench.evaluation.protocol import Protocol, load_protocol
from lt_bench.evaluation.results.result_file import Clip, Miss, ProtocolRef, RealSetRef, Result, Scalar, Score, Unused
from lt_bench.evaluation.running.aggregation import assemble, rules_of
from lt_bench.evaluation.running.clip_scorer import ClipScores
from lt_bench.evaluation.running.scoring_engines import Engine, run
from lt_bench.evaluation.running.scoring_job import Work, build_metrics
from lt_bench.evaluation.running.spilled_features import SpilledFeatures
from lt_bench.evaluation.stores.feature_store import DEFAULT_LIMIT, FeatureStore
from lt_bench.evaluation.stores.provenance import git_commit, package_versions
from lt_bench.files import printable, sha256_file
from lt_bench.plugins import load_plugins, plugin_hashes, plugins_defining

Progress = Callable[[int, int], None]
"""Called after every clip with the number of finished clips and of all clips."""


MAX_REASONS = 5
"""Different reasons that an error quotes where nothing could be scored."""


@dataclass(frozen=True)
class Options:
    """Options of a run in addition to the protocol; only ``clips`` and ``pairs`` change numbers."""

    clips: int = 0
    """Number of clips to score: the first ones of the reference set by id; 0 for all."""
    workers: int = 1
    """Processes, or Ray tasks side by side."""
    devices: tuple[str, ...] = ()
    """Of the processes, in turn, as ``lt_bench.devices.parse_devices`` names them; none for all GPUs."""
    store: Path | None = None
    """Folder of features and values; None for the user's cache."""
    plugins: tuple[Path, ...] = ()
    """Python files that register metrics of your own; each is recorded in the result."""
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
        self.scores = build_metrics(self.protocol)

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
            real: folder of the reference set, or any folder of videos.
            generated: folder of videos, perhaps with the manifest of a generated set.
            progress: called after every clip.
            system: name in tables; otherwise the manifest's, otherwise the folder's.
            meta: more facts for the result.
            announce: called before anything is measured, with the scores that cannot be computed here, and why.

        Raises:
            LtBenchError: bad input: no folder, no videos, or nothing that could be scored.
        """
        videos, reference = open_generated_videos(generated), open_reference_set(real)
        _check_origin(videos, reference)
        chosen = replace(reference, clips=reference.clips[: self.options.clips or None])
        pairing = self._pair(videos, chosen, reference)
        size = reference.size(self.protocol.size)
        missing = {score.name: unavailable(score, reference) for score in self.scores}
        able = tuple(name for name, reason in missing.items() if reason is None)
        if announce is not None:
            announce({name: reason for name, reason in missing.items() if reason is not None})
        work = Work(reference, self.protocol, size, able, self.options.store, self.options.plugins)
        with SpilledFeatures() as spilled:
            measured = self._measure(work, pairing, len(chosen.clips), spilled, progress)
            misses = [*pairing.misses, *(miss for clip in measured for miss in clip.misses)]
            _check_any(measured, misses, videos, len(chosen.clips))
            identities = {clip.id: clip.identity for clip in chosen.clips}
            rules = rules_of(self.protocol, size)
            facts_reported = {**videos.meta, **(meta or {})}
            values = [
                assemble(score, missing[score.name], measured, identities, rules, facts_reported)
                for score in self.scores
            ]
        FeatureStore(self.options.store).prune(self.options.store_limit)
        return self._result(videos, chosen, reference, size, pairing, measured, misses, values, system, meta)

    def _pair(self, videos: GeneratedVideos, chosen: ReferenceSet, reference: ReferenceSet) -> Pairing:
        if self.options.pairs is None:
            return pair_by_name(videos, chosen, reference)
        return pair_by_file(videos, chosen, self.options.pairs)

    def _measure(
        self, work: Work, pairing: Pairing, total: int, spilled: SpilledFeatures, progress: Progress | None
    ) -> list[ClipScores]:
        tell = progress or (lambda done, of: None)
        missed, measured = total - len(pairing.pairs), []
        tell(missed, total)
        options = self.options
        for clip in run(work, pairing.pairs, options.workers, options.engine, options.devices):
            measured.append(spilled.keep(clip))
            tell(missed + len(measured), total)
        return sorted(measured, key=lambda clip: clip.id)  # so that who was first cannot show

    def _result(
        self,
        videos: GeneratedVideos,
        chosen: ReferenceSet,
        reference: ReferenceSet,
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
        files = {pair.entry.id: _inside(videos.folder, pair.generated) for pair in pairing.pairs}
        unused = [Unused("generated", name, why) for name, why in videos.unused.items()]
        unused += [Unused("real", name, why) for name, why in reference.unused.items()]
        hashes = plugin_hashes(self.options.plugins) | plugins_defining(*map(type, self.scores))
        plugins = {f"plugin {name}": sha256 for name, sha256 in hashes.items()}
        pairs = {"pairs": sha256_file(self.options.pairs)} if self.options.pairs else {}
        return Result(
            system=system or videos.system,
            protocol=ProtocolRef(
                rules.id, rules.version, rules.hash, *size, rules.fps, rules.first_frame, rules=rules.rules
            ),
            real=RealSetRef(reference.hash, reference.dataset, reference.split),
            clips=tuple(
                Clip(
                    c.id,
                    c.identity,
                    clip.frames,
                    clip.adjusted,
                    files.get(c.id, ""),
                    _inside(reference.folder, c.video),
                )
                for c, clip in clips
            ),
            misses=tuple(sorted(misses, key=lambda m: (m.clip, m.score or ""))),
            scores={value.name: value for value in values},
            seed=videos.seed,
            git_commit=git_commit(),
            packages=package_versions(),
            cache_hash=videos.cache_hash,
            meta={**videos.meta, **plugins, **pairs, **(meta or {})},
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


def unavailable(score: Metric, reference: ReferenceSet) -> str | None:
    """Return why a metric cannot be computed against a reference set on this machine, or None."""
    if "truth" in score.needs and not reference.has_truth:
        return "the real set has no exact truth (only synthetic sets have)"
    if "gallery" in score.needs and not {clip.identity for clip in reference.clips} <= reference.gallery.keys():
        return "the real set has no gallery take of every identity"
    if "other_identity" in score.needs and not reference.other_identities():
        return "the real set has fewer than two identities"
    try:
        return score.unavailable()
    except AssetError as error:
        return " ".join(str(error).split())


def _inside(folder: Path, file: Path) -> str:
    return printable(file.relative_to(folder).as_posix())


def _check_origin(videos: GeneratedVideos, reference: ReferenceSet) -> None:
    if None not in (videos.real_hash, reference.manifest_hash) and videos.real_hash != reference.manifest_hash:
        raise ResultError(
            f"{videos.folder}: key 'real_hash': videos made for another real set: expected "
            f"{str(reference.manifest_hash)[:16]}.., got {str(videos.real_hash)[:16]}.."
        )


def _check_any(measured: Sequence[ClipScores], misses: Sequence[Miss], videos: GeneratedVideos, given: int) -> None:
    if any(clip.frames for clip in measured):
        return
    # One clip for each reason, however many clips share it.
    reasons: dict[str, Miss] = {}
    for miss in sorted(misses, key=lambda miss: miss.clip):
        reasons.setdefault(miss.reason, miss)
    told = [f"{miss.clip}: {miss.reason}" for miss in reasons.values()]
    more = f"; and {len(told) - MAX_REASONS} more reasons" if len(told) > MAX_REASONS else ""
    listed = "; ".join(told[:MAX_REASONS])
    raise ResultError(f"{videos.folder}: nothing to score: {given} of {given} clips missed; {listed}{more}")
