"""Metrics, by what they look at; ``METRICS`` lists them by name."""

from lt_bench.evaluation.metrics.base import (
    ClipContext,
    Features,
    Metric,
    ReportedMetric,
    SetMetric,
    UnscorableError,
    VideoMetric,
    VideoView,
)
from lt_bench.evaluation.metrics.catalog import METRICS, build_metric, metric_names, register_metric

__all__ = [
    "METRICS",
    "ClipContext",
    "Features",
    "Metric",
    "ReportedMetric",
    "SetMetric",
    "UnscorableError",
    "VideoMetric",
    "VideoView",
    "build_metric",
    "metric_names",
    "register_metric",
]
