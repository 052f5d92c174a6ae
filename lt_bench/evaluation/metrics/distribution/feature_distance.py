"""Scores that compare the distribution of features of all generated videos with that of all real ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, Features, SetMetric, VideoView
from lt_bench.evaluation.metrics.distribution.feature_rows import Rows
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance_of_parts, real_floor
from lt_bench.evaluation.results.result_file import Reference


class DistributionMetric(SetMetric):
    """A distance (by default Frechet's) between the rows that all generated and all real videos give."""

    higher_is_better = False
    floor_kind: ClassVar[Literal["ceiling", "floor"]] = "floor"

    @abstractmethod
    def features(self, video: VideoView, clip: ClipContext) -> Float[ndarray, "N D"]:
        """Rows of one video; as many for the generated as for the real one."""

    def distance(self, generated: Rows, real: Rows) -> float:
        """Compute the distance between all generated and all reference rows."""
        return frechet_distance_of_parts(generated, real)

    def collect(self, clip: ClipContext) -> Features:
        """Features of both videos."""
        return {"generated": self.features(clip.generated, clip), "real": self.features(clip.real, clip)}

    def combine(self, collected: Sequence[Mapping[str, ndarray]]) -> float:
        """The distance between all generated and all real rows."""
        return self.distance(Rows(collected, "generated"), Rows(collected, "real"))

    def describe(self, collected: Sequence[Mapping[str, ndarray]]) -> str:
        """Dimension, and number of rows of each set."""
        return f"d={collected[0]['real'].shape[1]}, N={sum(len(c['real']) for c in collected)}"

    def floor(self, collected: Sequence[Mapping[str, ndarray]]) -> Reference | None:
        """Real against real."""
        return real_floor(collected, distance=self.distance, kind=self.floor_kind)
