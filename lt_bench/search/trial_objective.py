"""Objectives of a search, read from the result files of its trials."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.config import ObjectiveConfig
from lt_bench.config.search import Direction
from lt_bench.errors import ConfigError, ResultError
from lt_bench.evaluation.protocol import Protocol
from lt_bench.evaluation.results.result_file import Result

COSTS = (
    "seconds_per_clip",
    "seconds_per_video_second",
    "macs_per_video_second",
    "train_seconds",
    "parameters",
    "peak_memory",
)
"""Facts of a result that can be minimized in addition to the protocol's scores."""


@dataclass(frozen=True)
class Objective:
    """One objective and its direction."""

    name: str
    direction: Direction

    def value(self, result: Result) -> float:
        """Return the objective's value in a result.

        Raises:
            ResultError: it is missing, or not based on every clip, so that trials could not be compared.
        """
        if self.name in COSTS:
            cost = result.meta.get(self.name)
            if not isinstance(cost, (int, float)):
                raise ResultError(f"cost '{self.name}': expected a number in the result, got {cost!r}")
            return float(cost)
        score = result.scores[self.name]
        if score.value is None:
            raise ResultError(f"score '{self.name}' is missing: {score.missing}")
        if score.scored != result.given:
            reason = next((miss.reason for miss in result.misses if miss.score in (None, self.name)), "not scored")
            raise ResultError(f"score '{self.name}': {score.scored} of {result.given} clips scored: {reason}")
        return score.value


def build_objectives(configs: tuple[ObjectiveConfig, ...], protocol: Protocol, source: str) -> tuple[Objective, ...]:
    """Return the objectives of a search.

    Raises:
        ConfigError: there is none, one occurs twice, is not in the protocol, or lacks a direction.
    """
    if not configs:
        raise ConfigError(f"{source}: key 'objectives': expected at least one score or cost, got none")
    names = [config.score for config in configs]
    if len(set(names)) < len(names):
        raise ConfigError(f"{source}: key 'objectives': expected each once, got {', '.join(names)}")
    return tuple(_build(config, protocol, f"{source}: key 'objectives.{k}'") for k, config in enumerate(configs))


def _build(config: ObjectiveConfig, protocol: Protocol, where: str) -> Objective:
    known = (*(spec.name for spec in protocol.scores), *COSTS)
    if config.score not in known:
        raise ConfigError(f"{where}: expected score to be one of {', '.join(known)}, got '{config.score}'")
    own = _own_direction(config.score, protocol)
    if own is None and config.direction is None:
        raise ConfigError(f"{where}: expected direction minimize or maximize, for '{config.score}' has no better end")
    if own is not None and config.direction not in (None, own):
        raise ConfigError(f"{where}: expected direction {own} for '{config.score}', got {config.direction}")
    direction = config.direction or own
    assert direction is not None
    return Objective(config.score, direction)


def _own_direction(name: str, protocol: Protocol) -> Direction | None:
    if name in COSTS:
        return "minimize"
    from lt_bench.evaluation.metrics.catalog import build_metric  # loads the detectors' libraries

    spec = next(spec for spec in protocol.scores if spec.name == name)
    higher = build_metric(spec.name, spec.settings, f"protocol {protocol.id}").higher_is_better
    return None if higher is None else "maximize" if higher else "minimize"
