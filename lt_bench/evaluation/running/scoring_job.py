"""The work of scoring, in the form in which it is sent to worker processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.evaluation.inputs.clip_context import Tools
from lt_bench.evaluation.inputs.clip_loader import Loader
from lt_bench.evaluation.inputs.reference_set import ReferenceSet
from lt_bench.evaluation.metrics.base import Metric
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.running.clip_scorer import ClipScorer
from lt_bench.evaluation.stores.feature_store import SET_FEATURES, FeatureStore
from lt_bench.plugins import load_plugins, loaded_plugins


@dataclass(frozen=True)
class Work:
    """Everything that a worker needs to start."""

    reference: ReferenceSet
    protocol: Protocol
    size: tuple[int, int]
    scores: tuple[str, ...]
    """Names of the protocol's metrics that can be computed here."""
    store: Path | None
    plugins: tuple[Path, ...] = field(default_factory=loaded_plugins)
    """Plugin files that this process has imported, for the workers."""

    def scorer(self) -> ClipScorer:
        """Build the scorer in the worker."""
        load_plugins(self.plugins)
        scores = [score for score in build_metrics(self.protocol) if score.name in self.scores]
        tools = Tools(FeatureStore(self.store, shared=(self.reference.folder / SET_FEATURES,)))
        return ClipScorer(Loader(self.reference, self.protocol, self.size, tools), scores)


def build_metrics(protocol: Protocol) -> list[Metric]:
    """Build the metrics that a protocol names, with its settings.

    Raises:
        ConfigError: an unknown score or setting.
    """
    return [build_metric(s.name, s.settings, f"protocol {protocol.id}") for s in protocol.scores]
