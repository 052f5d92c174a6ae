"""Costs that a system reports in its manifest; nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lt_bench.evaluation.metrics.base import ReportedMetric, UnscorableError
from lt_bench.evaluation.results.result_file import Scalar


class _Reported(ReportedMetric):
    source = "the manifest of the generated set"

    def report(self, meta: Mapping[str, Scalar]) -> float:
        """The number under the score's own name."""
        value = meta.get(self.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UnscorableError(f"the system's manifest does not report '{self.name}'")
        if value <= 0:
            raise UnscorableError(f"the system's manifest reports {value} for '{self.name}', expected above 0")
        return float(value)


@dataclass(frozen=True)
class SecondsPerVideoSecond(_Reported):
    """Runtime: seconds to make one second of video, on the hardware that the system was run on."""

    name = "seconds_per_video_second"
    title = "runtime per second of video, as reported"
    unit = "s/s"
    higher_is_better = False


@dataclass(frozen=True)
class Parameters(_Reported):
    """Parameters of the generator."""

    name = "parameters"
    title = "parameters, as reported"


@dataclass(frozen=True)
class Macs(_Reported):
    """Multiply-accumulate operations to make one second of video."""

    name = "macs_per_video_second"
    title = "multiply-accumulates per second of video, as reported"
    higher_is_better = False
