"""What a score is, and the register of them.

A new metric is one file::

    from lt_bench.evaluation.scores.base import ClipContext, PerVideoScore, register

    @register
    @dataclass(frozen=True)
    class Brightness(PerVideoScore):
        '''Mean brightness, to compare with real videos.'''

        name = "brightness"
        title = "mean brightness"
        unit = "grey levels"
        source = "own"

        def score(self, clip: ClipContext) -> float:
            return float(clip.generated.frames[clip.scored].mean())

Fields of the dataclass are settings that a protocol's YAML may give.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from numpy import ndarray

from lt_bench.errors import ConfigError
from lt_bench.evaluation.clip import ClipContext, Features, Truth, UnscorableError, VideoView
from lt_bench.evaluation.results import Reference, Scalar
from lt_bench.evaluation.statistics import Aggregate

Need = Literal["truth", "stranger", "gallery", "audio", "faces"]
"""``stranger``: the truth of another identity's clip."""
FACE_ASSET = "face_landmarker.task"

__all__ = [
    "ClipContext",
    "Features",
    "PerVideoScore",
    "ReportedScore",
    "Score",
    "SetScore",
    "Truth",
    "UnscorableError",
    "VideoView",
    "build_score",
    "register",
    "score_names",
]


class Score(ABC):
    """What a score states of itself; a video without a value raises ``UnscorableError`` or any ``LtBenchError``."""

    name: ClassVar[str]
    """Key in protocols, results and tables."""
    title: ClassVar[str]
    """A few words; the harness adds detector, size and frames."""
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool | None] = None
    """None: neither, see ``target``."""
    target: ClassVar[float | None] = None
    """The value of a perfect system, where it is neither the highest nor the lowest."""
    source: ClassVar[str]
    """Paper or place that defines it."""
    needs: ClassVar[tuple[Need, ...]] = ()
    assets: ClassVar[tuple[str, ...]] = ()
    """Pinned assets beside those that ``needs`` implies; absent ones make the score missing, with the reason."""

    @property
    def detector(self) -> str:
        """Hash of the frozen network and its settings; empty where there is none. Asked for if nothing is missing."""
        return ""

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that runs the network in this process; empty where PyTorch does."""
        return ""

    @property
    def detail(self) -> str:
        """What the full name says of the settings, such as ``SqueezeNet 1.1 pool, d=512``."""
        return ""

    def unavailable(self) -> str | None:
        """Why this score cannot be computed here at all, or None. Overrides go on with ``super().unavailable()``."""
        from lt_bench.assets.store import has_asset

        wanted = (*self.assets, *((FACE_ASSET,) if "faces" in self.needs else ()))
        absent = [asset for asset in wanted if not has_asset(asset)]
        if not absent:
            return None
        what = f"asset {absent[0]} is" if len(absent) == 1 else f"assets {' and '.join(absent)} are"
        return f"{what} absent: lt-bench assets get {' '.join(absent)}"


class PerVideoScore(Score):
    """A number a video; the set's value is their mean (or median)."""

    aggregate: ClassVar[Aggregate] = "mean"
    reference: ClassVar[Literal["ceiling", "floor", "real"] | None] = None
    """What the same score of the real videos is; None where it would say nothing (a video against itself)."""

    @abstractmethod
    def score(self, clip: ClipContext) -> float:
        """The value of ``clip.generated``."""


class SetScore(Score):
    """A number for all videos together, such as a distance between distributions."""

    lowest: ClassVar[float | None] = None
    """The least value there is, at which intervals end."""
    extrapolates: ClassVar[bool] = False
    """Whether small sets bias it by about a constant over N, as a Frechet distance, so that N to infinity is of use."""

    @abstractmethod
    def collect(self, clip: ClipContext) -> Features:
        """What ``combine`` needs of one clip: small arrays, computed wherever the clip was decoded."""

    @abstractmethod
    def combine(self, collected: Sequence[Mapping[str, ndarray]]) -> float:
        """The value for the clips given; must not depend on their order."""

    def describe(self, collected: Sequence[Mapping[str, ndarray]]) -> str:
        """What the full name says of the amount of data, such as ``N=708``."""
        return f"N={len(collected)}"

    def floor(self, collected: Sequence[Mapping[str, ndarray]]) -> Reference | None:
        """The same score of real videos against real ones, where it can be had."""
        return None


class ReportedScore(Score):
    """A number that the system reports of itself, such as its runtime; no video is looked at."""

    @abstractmethod
    def report(self, meta: Mapping[str, Scalar]) -> float:
        """The value, of the facts in the manifest of the generated set."""


S = TypeVar("S", bound=type[Score])
_SCORES: dict[str, type[Score]] = {}


def register(kind: S) -> S:
    """Make a score known by its name. A name stands once."""
    known = _SCORES.get(kind.name)
    if known is not None and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ConfigError(f"score '{kind.name}': expected one definition, got {known.__module__} and {kind.__module__}")
    _SCORES[kind.name] = kind
    return kind


def score_names() -> tuple[str, ...]:
    """Names of all registered scores, the package's own included."""
    _import_own()
    return tuple(sorted(_SCORES))


def build_score(name: str, settings: Mapping[str, Any] | None = None, source: str = "protocol") -> Score:
    """A score with its settings.

    Raises:
        ConfigError: unknown name, or an unknown or ill-typed setting.
    """
    from lt_bench.config import parse_config

    _import_where_named(name)
    if name not in _SCORES and name not in score_names():
        raise ConfigError(f"{source}: score '{name}': expected one of {', '.join(score_names())}")
    return parse_config(_SCORES[name], dict(settings or {}), f"{source}: score '{name}'")


def _import_where_named(name: str) -> None:
    """Import the file of ours that says ``name = "..."``: all of them together take torch and seconds."""
    package = importlib.import_module("lt_bench.evaluation.scores")
    line = f'\n    name = "{name}"\n'
    for file in Path(package.__path__[0]).glob("*.py"):
        if line in file.read_text(encoding="utf-8"):
            importlib.import_module(f"{package.__name__}.{file.stem}")


def _import_own() -> None:
    package = importlib.import_module("lt_bench.evaluation.scores")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
