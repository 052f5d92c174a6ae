"""The result file: typed, versioned and strictly checked; every table is built from result files alone."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lt_bench.errors import Fault, LtBenchError, ResultError
from lt_bench.evaluation.results.older_files import TYPED_FACTS, upgrade
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.evaluation.results.strict_json import parse_strict, strict
from lt_bench.evaluation.statistics.cluster import Aggregate, Interval
from lt_bench.files import read_json, write_json
from lt_bench.versions import body_of, check_version

FORMAT = "lt_bench result"
VERSION, MINOR = 1, 2
Scalar = str | int | float | bool | None
strict(Interval)


@strict
@dataclass(frozen=True)
class ProtocolRef:
    """The protocol that the scores were computed under."""

    id: str
    version: int
    hash: str
    """SHA-256 of the protocol's content."""
    width: int
    """Size at which frames were scored, in pixels."""
    height: int
    fps: float
    first_frame: int
    """Frames before it are not scored."""
    rules: tuple[str, ...] = ()
    """How sizes and lengths are handled, in words."""


@strict
@dataclass(frozen=True)
class RealSetRef:
    """The reference set that the videos were compared with."""

    hash: str
    """SHA-256 over ids, identities, roles and the bytes of videos and ground truth."""
    dataset: str
    split: str


@strict
@dataclass(frozen=True)
class Clip:
    """One clip of the reference set that was to be scored."""

    id: str
    identity: str
    frames: int
    """Number of frames after cutting, counted from the start; 0 for a clip without any score."""
    adjusted: tuple[str, ...] = ()
    """Changes to rates, sizes and lengths of the two videos, such as ``generated: 30 to 25 fps``."""
    generated: str = ""
    """Path of the generated video in its folder; empty where there is none, and in files of version 1.0."""
    real: str = ""
    """Path of the real video in its folder; empty in files of version 1.0."""

    @property
    def generated_file(self) -> str:
        """``generated``, or its name in files of version 1.0."""
        return self.generated or (f"{self.id}.mp4" if not self.real else "")

    @property
    def real_file(self) -> str:
        """``real``, or its name in files of version 1.0."""
        return self.real or f"{self.id}.mp4"


@strict
@dataclass(frozen=True)
class Miss:
    """A clip for which one score, or every score (``score`` is None), could not be computed."""

    clip: str
    score: str | None
    reason: str
    """For display only."""
    fault: Fault = field(kw_only=True)


@strict
@dataclass(frozen=True)
class Unused:
    """An entry of one of the two folders that is no video."""

    side: Literal["generated", "real"]
    name: str
    """Path in the folder."""
    reason: str


@strict
@dataclass(frozen=True)
class Reference:
    """The same score of the reference videos."""

    kind: Literal["ceiling", "floor", "real", "shuffled"]
    """What it is.

    ``ceiling``: the best a generator can expect; ``floor``: the least distance; ``real``: for comparison;
    ``shuffled``: with another identity's sound, what a system that ignores the voice would get at best.
    """
    value: float
    note: str


@strict
@dataclass(frozen=True)
class Extrapolation:
    """A score of a set at infinitely many clips, from subsets: the intercept over 1/N (Chong and Forsyth 2020)."""

    value: float
    error: float
    """Standard error of the intercept of the straight line; not of the score."""
    sizes: tuple[int, ...]
    """Clips in the subsets."""
    values: tuple[float, ...]
    """The score of each, the mean over its draws."""


@strict
@dataclass(frozen=True)
class Score:
    """One score of one system; ``value`` is None exactly when ``missing`` says why."""

    name: str
    title: str
    """Full name with what the number depends on: detector, size, frames. For display only."""
    unit: str
    higher_is_better: bool | None
    """None: neither; the best value is ``target``, where there is one."""
    target: float | None
    scope: Literal["video", "set"]
    """``video``: ``value`` aggregates ``per_video``. ``set``: it exists for all videos together only."""
    aggregate: Aggregate
    source: str
    detector: str
    """Hash of the frozen network and its settings; empty where there is none."""
    value: float | None
    interval: Interval | None
    scored: int
    """Number of videos the value is based on."""
    per_video: dict[str, float]
    reference: Reference | None
    missing: str | None
    control: Reference | None = None
    """For metrics that use audio: the reference videos with another identity's sound."""
    extrapolated: Extrapolation | None = None
    """For metrics that small sets bias."""
    settings: dict[str, Any] = field(kw_only=True)
    """Plain values that the number depends on: the metric's own by name, the protocol's as ``protocol.<name>``."""
    settings_hash: str = field(kw_only=True)
    """``hash_of_settings``; scores of another hash are not comparable."""
    providers: tuple[str, ...] = ()
    """ONNX Runtime's execution providers that ran the network, such as ``CUDAExecutionProvider``; none where PyTorch or
    no network did, and in files before version 1.2."""


@strict
@dataclass(frozen=True)
class Result:
    """All scores of one system under one protocol."""

    format: ClassVar[str] = FORMAT
    version: ClassVar[int] = VERSION
    system: str
    protocol: ProtocolRef
    real: RealSetRef
    clips: tuple[Clip, ...]
    misses: tuple[Miss, ...]
    scores: dict[str, Score]
    seed: int | None = None
    """Seed of training or generation, where the manifest of the generated set states it."""
    git_commit: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    cache_hash: str | None = None
    """Hash of the latent cache that the system was trained on, where known."""
    meta: dict[str, Scalar] = field(default_factory=dict)
    """Further facts, such as ``parameters``, ``train_seconds``, ``seconds_per_video``."""
    unused: tuple[Unused, ...] = ()
    """Other entries of the two folders."""

    def __post_init__(self) -> None:
        ids = {clip.id for clip in self.clips}
        if len(ids) != len(self.clips):
            raise ResultError("clips: expected every id once, got one twice")
        for name in ids:  # files are looked for by these names, and a result may come from anyone
            _check_inside(name, "ids")
        for clip in self.clips:
            for file in filter(None, (clip.generated, clip.real)):
                _check_inside(file, "files")
        for key, score in self.scores.items():
            if key != score.name:
                raise ResultError(f"scores.{key}: expected the score's own name, got '{score.name}'")
            if (score.value is None) == (score.missing is None):
                raise ResultError(f"scores.{key}: expected either a value or the reason why it is missing")
            if score.settings_hash != hash_of_settings(score.settings):
                raise ResultError(f"scores.{key}.settings_hash: expected the hash of 'settings', got another")
            unknown = sorted(score.per_video.keys() - ids)
            if unknown:
                raise ResultError(f"scores.{key}.per_video: expected ids of clips, got '{unknown[0]}'")

    @property
    def given(self) -> int:
        """Number of clips that were to be scored."""
        return len(self.clips)

    @property
    def scored(self) -> int:
        """Number of clips that were read and paired; single scores may still miss some of them."""
        return sum(clip.frames > 0 for clip in self.clips)

    def clusters(self, ids: list[str] | tuple[str, ...]) -> list[str]:
        """The identity of each clip id, for cluster statistics."""
        identity = {clip.id: clip.identity for clip in self.clips}
        return [identity[i] for i in ids]

    def clips_of(self, name: str) -> frozenset[str]:
        """Return the ids of the clips that a score is based on; none for one that the generated manifest reports."""
        score = self.scores[name]
        if score.scope == "video" or not score.scored:
            return frozenset(score.per_video)
        missed = {miss.clip for miss in self.misses if miss.score in (None, name)}
        return frozenset(clip.id for clip in self.clips if clip.frames and clip.id not in missed)

    def comparable_with(self, other: Result) -> None:
        """Check that two results may stand in one table.

        Raises:
            ResultError: naming the first difference in protocol, real set, clips, their lengths, or the number scored.
        """
        pair = f"'{self.system}' and '{other.system}' are not comparable"
        facts = (
            ("protocol", lambda r: f"{r.protocol.id} version {r.protocol.version}"),
            ("protocol hash", lambda r: r.protocol.hash[:16]),
            ("frame size", lambda r: f"{r.protocol.width}x{r.protocol.height}"),
            ("real set", lambda r: f"{r.real.dataset}/{r.real.split} {r.real.hash[:16]}"),
            ("clips given", lambda r: r.given),
            ("clips scored", lambda r: r.scored),
        )
        for name, fact in facts:
            if fact(self) != fact(other):
                raise ResultError(f"{pair}: {name}: {fact(self)} against {fact(other)}")
        theirs = {clip.id: clip for clip in other.clips}
        for clip in self.clips:
            if clip.id not in theirs:
                raise ResultError(f"{pair}: clip {clip.id} is in the first only")
            if clip.frames != theirs[clip.id].frames:
                raise ResultError(
                    f"{pair}: length of clip {clip.id}: {clip.frames} against {theirs[clip.id].frames} frames"
                )

    def comparable_score(self, other: Result, name: str) -> None:
        """Check that one score of two comparable results was measured alike.

        Raises:
            ResultError: the results are not comparable, one lacks the score, or detector, N, settings or the clips it
                rests on differ.
        """
        self.comparable_with(other)
        pair = f"score '{name}' of '{self.system}' and '{other.system}' is not comparable"
        for result in (self, other):
            if name not in result.scores or result.scores[name].value is None:
                reason = result.scores[name].missing if name in result.scores else "not in the file"
                raise ResultError(f"{pair}: missing in '{result.system}': {reason}")
        a, b = self.scores[name], other.scores[name]
        for what in ("detector", "scored"):
            if getattr(a, what) != getattr(b, what):
                raise ResultError(f"{pair}: {what}: {getattr(a, what)} against {getattr(b, what)}")
        if different := different_settings(a, b):
            raise ResultError(f"{pair}: {different}")
        for one, another in ((self, other), (other, self)):
            only = sorted(one.clips_of(name) - another.clips_of(name))
            if only:
                raise ResultError(f"{pair}: clip {only[0]} was scored for '{one.system}' only")


def different_settings(a: Score, b: Score) -> str:
    """The settings that differ between two scores, with both values; empty where they are the same."""
    if a.settings_hash == b.settings_hash:
        return ""
    names = sorted(n for n in a.settings.keys() | b.settings.keys() if a.settings.get(n) != b.settings.get(n))
    return "settings: " + "; ".join(f"{n}: {a.settings.get(n)} against {b.settings.get(n)}" for n in names)


def _check_inside(name: str, kind: str) -> None:
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ResultError(f"clips: expected {kind} that are paths inside a folder, got {name[:80]!r}")


def to_document(result: Result) -> dict[str, Any]:
    """Convert a result to a JSON document."""
    return {"format": FORMAT, "version": VERSION, "minor": MINOR, **dataclasses.asdict(result)}


def from_document(document: Any, source: str = "result") -> Result:
    """Check a JSON document and build the result; ``source`` names it in errors.

    Raises:
        ResultError: another format or version, an unknown, missing or ill-typed key, or contents in contradiction.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise ResultError(f"{source}: expected a document of format '{FORMAT}', got another")
    check_version(document, source, VERSION, MINOR, error=ResultError)
    body = body_of(document)
    return parse_strict(Result, body if document.get("minor", 0) >= TYPED_FACTS else upgrade(body), source)


def save_result(result: Result, path: str | os.PathLike[str]) -> None:
    """Write a result file, whole or not at all."""
    write_json(path, to_document(result))


def load_result(path: str | os.PathLike[str]) -> Result:
    """Read a result file.

    Raises:
        ResultError: the file is missing, not JSON, or no valid result.
    """
    try:
        document = read_json(path)
    except LtBenchError as error:
        raise ResultError(str(error)) from None
    return from_document(document, str(path))
