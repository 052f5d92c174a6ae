"""Conversion of a search's keys to Optuna's distributions, and of a trial's values to a run's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lt_bench.config import Dimension, RunConfig, parse_config, set_keys, to_dict
from lt_bench.errors import ConfigError
from lt_bench.jobs.folder import flat_config


def distributions(base: RunConfig, space: Mapping[str, Dimension], source: str) -> dict[str, BaseDistribution]:
    """Return one distribution per key; integers for integer keys.

    Args:
        base: the run whose keys are searched.
        space: values by dotted key.
        source: name of the search in errors.

    Raises:
        ConfigError: names the first key that is unknown, or whose values the run does not accept.
    """
    from lt_bench.training.config_check import check_names  # brings PyTorch, which takes seconds

    known = flat_config(to_dict(base))
    made = {}
    for key, dimension in space.items():
        if key not in known:
            raise ConfigError(f"{source}: key 'space.{key}': expected a key of a run, such as train.learning_rate")
        made[key] = _distribution(f"{source}: key 'space.{key}'", known[key], dimension)
        for value in dimension.choices or (made[key].low, made[key].high):  # type: ignore[attr-defined]
            where = f"{source}: key 'space.{key}'"
            check_names(trial_config(base, {key: value}, where), where)
    return made


def trial_config(base: RunConfig, values: Mapping[str, Any], source: str = "trial") -> RunConfig:
    """Return the configuration of a trial: the base with the trial's values."""
    return parse_config(RunConfig, set_keys(to_dict(base), values), source)


def _distribution(where: str, example: Any, dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        if (dimension.low, dimension.high, dimension.step) != (None, None, None) or dimension.log:
            raise ConfigError(f"{where}: expected either choices or low and high, got both")
        return CategoricalDistribution(dimension.choices)
    if dimension.low is None or dimension.high is None:
        raise ConfigError(f"{where}: expected low and high, or choices, got neither")
    if isinstance(example, bool) or not isinstance(example, (int, float)):
        raise ConfigError(f"{where}: expected choices, since its value is no number, got a range")
    try:
        if isinstance(example, int):
            low, high, step = (_whole(where, v) for v in (dimension.low, dimension.high, dimension.step or 1))
            return IntDistribution(low, high, log=dimension.log, step=step)
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{where}: {error}") from None


def _whole(where: str, value: float) -> int:
    if value != int(value):
        raise ConfigError(f"{where}: expected whole numbers, got {value}")
    return int(value)
