"""Lookup of a configuration's data set."""

from __future__ import annotations

from importlib import import_module

from data_prep.datasets.base import DataSet
from data_prep.datasets.jobs import Source
from lt_bench.config import DataConfig
from lt_bench.data_sets import data_set_entry


def data_set_class(name: str) -> type[DataSet]:
    """Return the class of a data set, imported now if it was not before.

    Raises:
        ConfigError: no data set has the name; the message lists the known ones.
    """
    module, _, attribute = data_set_entry(name).target.partition(":")
    return getattr(import_module(module), attribute)


def build_data_set(config: DataConfig) -> DataSet:
    """Build the data set of a configuration; nothing is read yet."""
    return data_set_class(config.dataset)(config)


def list_source(config: DataConfig) -> Source:
    """List the clips of the configured data set.

    Raises:
        LtBenchError: as ``DataSet.jobs``.
    """
    return build_data_set(config).jobs()
