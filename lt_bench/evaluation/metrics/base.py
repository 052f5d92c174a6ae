"""The interface of a metric: what it states of itself, and the three kinds of metrics.

A metric is the definition; a score is its value. A new one is one class, given as ``--plugin FILE``::

    from lt_bench.evaluation.metrics import ClipContext, VideoMetric, register_metric

    @register_metric
    @dataclass(frozen=True)
    class Brightness(VideoMetric):
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

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from numpy import ndarray

from lt_bench.evaluation.inputs.clip_context import ClipContext, Features, Truth, UnscorableError, VideoView
from lt_bench.evaluation.results.result_file import Reference, Scalar
from lt_bench.evaluation.statistics.cluster import Aggregate

Need = Literal["truth", "other_identity", "gallery", "audio", "faces"]
"""``other_identity``: the truth of another identity's clip."""
FACE_ASSET = "face_landmarker.task"

__all__ = [
    "ClipContext",
    "Features",
    "Metric",
    "ReportedMetric",
    "SetMetric",
    "Truth",
    "UnscorableError",
    "VideoMetric",
    "VideoView",
]


class Metric(ABC):
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
    """Pinned assets in addition to those that ``needs`` implies; without them the score is missing, with the reason."""

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
        """Return why the metric cannot be computed here, or None. Overrides end with ``super().unavailable()``."""
        from lt_bench.assets.store import has_asset

        wanted = (*self.assets, *((FACE_ASSET,) if "faces" in self.needs else ()))
        absent = [asset for asset in wanted if not has_asset(asset)]
        if not absent:
            return None
        what = f"asset {absent[0]} is" if len(absent) == 1 else f"assets {' and '.join(absent)} are"
        return f"{what} absent: lt-bench assets get {' '.join(absent)}"


class VideoMetric(Metric):
    """A number a video; the set's value is their mean (or median)."""

    aggregate: ClassVar[Aggregate] = "mean"
    reference: ClassVar[Literal["ceiling", "floor", "real"] | None] = None
    """What the same score of the real videos is; None where it would say nothing (a video against itself)."""

    @abstractmethod
    def score(self, clip: ClipContext) -> float:
        """The value of ``clip.generated``."""


class SetMetric(Metric):
    """A number for all videos together, such as a distance between distributions."""

    lowest: ClassVar[float | None] = None
    """The least value there is, at which intervals end."""
    extrapolates: ClassVar[bool] = False
    """Whether small sets bias it by about a constant over N, as a Frechet distance, so that N to infinity is of use."""

    @abstractmethod
    def collect(self, clip: ClipContext) -> Features:
        """Return the small arrays of one clip that ``combine`` needs, in the process that decoded the clip."""

    @abstractmethod
    def combine(self, collected: Sequence[Mapping[str, ndarray]]) -> float:
        """The value for the clips given; must not depend on their order."""

    def describe(self, collected: Sequence[Mapping[str, ndarray]]) -> str:
        """What the full name says of the amount of data, such as ``N=708``."""
        return f"N={len(collected)}"

    def floor(self, collected: Sequence[Mapping[str, ndarray]]) -> Reference | None:
        """The same score of real videos against real ones, where it can be had."""
        return None


class ReportedMetric(Metric):
    """A number that the system reports of itself, such as its runtime; no video is looked at."""

    @abstractmethod
    def report(self, meta: Mapping[str, Scalar]) -> float:
        """The value, of the facts in the manifest of the generated set."""
