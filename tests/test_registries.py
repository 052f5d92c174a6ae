"""The registries' tables of the package's own classes are complete, and every entry has the name it is listed by."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import pytest

from data_prep.extraction.crop_methods import CROP_METHODS
from data_prep.filters.lip_sync import METERS
from lt_bench.diffusion.samplers import SAMPLERS
from lt_bench.evaluation.metrics import METRICS
from lt_bench.models.codecs import CODECS
from lt_bench.models.families import FAMILIES
from lt_bench.models.fusion import FUSIONS
from lt_bench.models.orders import BLOCK_ORDERS
from lt_bench.perception.speech import SPEECH_ENCODERS
from lt_bench.registry import Registry

TABLES = [
    (FUSIONS, "lt_bench.models.fusion"),
    (FAMILIES, "lt_bench.models.families"),
    (BLOCK_ORDERS, "lt_bench.models.orders"),
    (SAMPLERS, "lt_bench.diffusion.samplers"),
    (CODECS, "lt_bench.models.codecs"),
    (METRICS, "lt_bench.evaluation.metrics"),
    (METERS, "data_prep.filters"),
    (CROP_METHODS, "data_prep.extraction"),
    (SPEECH_ENCODERS, "lt_bench.perception.speech"),
]


@pytest.mark.parametrize(("registry", "place"), TABLES, ids=[registry.kind for registry, _ in TABLES])
def test_a_table_lists_every_class_of_its_package(registry: Registry[Any], place: str) -> None:
    entries = {name: import_path(registry.own[name]) for name in registry.own}
    assert {name: entry.name for name, entry in entries.items()} == {name: name for name in entries}
    assert all(issubclass(entry, registry.base) for entry in entries.values())
    assert set(entries.values()) == concrete_classes(registry.base, place)


def import_path(text: str) -> Any:
    module, _, attribute = text.partition(":")
    return getattr(import_module(module), attribute)


def concrete_classes(base: type, place: str) -> set[type]:
    """The classes of a module or package that extend ``base`` and either name themselves or are extended by none."""
    package = import_module(place)
    paths = getattr(package, "__path__", [])
    modules = [package, *(import_module(m.name) for m in pkgutil.walk_packages(paths, f"{place}."))]
    found = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, base) and kind is not base and kind.__module__ == module.__name__
    }
    extended = {parent for kind in found for parent in kind.__mro__[1:]}
    return {kind for kind in found if isinstance(vars(kind).get("name"), str) or kind not in extended}
