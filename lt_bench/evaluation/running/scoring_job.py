"""What is to be scored and how, as it is sent to whichever process does it."""

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
    """What a worker needs to start."""

    reference: ReferenceSet
    protocol: Protocol
    size: tuple[int, int]
    scores: tuple[str, ...]
    """Those of the protocol that can be computed here."""
    store: Path | None
    plugins: tuple[Path, ...] = field(default_factory=loaded_plugins)
    """Files that this process has imported, for those that do the work."""

    def scorer(self) -> ClipScorer:
        """Built where the work is done."""
        load_plugins(self.plugins)
        scores = [score for score in build_metrics(self.protocol) if score.name in self.scores]
        tools = Tools(FeatureStore(self.store, shared=(self.reference.folder / SET_FEATURES,)))
        return ClipScorer(Loader(self.reference, self.protocol, self.size, tools), scores)


def build_metrics(protocol: Protocol) -> list[Metric]:
    """The scores that a protocol names, with its settings.

    Raises:
        ConfigError: an unknown score or setting.
    """
    return [build_metric(s.name, s.settings, f"protocol {protocol.id}") for s in protocol.scores]
