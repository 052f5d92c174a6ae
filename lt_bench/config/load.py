"""Strict conversion between YAML and frozen dataclasses; an unknown key or a wrong value is an error that names it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lt_bench.errors import ConfigError, LtBenchError, short
from lt_bench.files import read_text

try:  # libyaml reads eight times and writes five times as fast as Python, which matters for a grid of a thousand cells
    from yaml import CSafeDumper as _Dumper
    from yaml import CSafeLoader as _Safe
except ImportError:
    from yaml import SafeDumper as _Dumper
    from yaml import SafeLoader as _Safe

T = TypeVar("T")
MAX_BYTES = 1_000_000
MAX_BASES = 10
DOTTED = {"grid": 0, "space": 1}
"""Keys that contain dotted keys, with the number of plain keys after these: ``space.train.seed.low`` has one."""


def load_config(kind: type[T], path: str | os.PathLike[str], overrides: tuple[str, ...] | list[str] = ()) -> T:
    """Read a YAML file as a ``kind``.

    The file that ``base: other.yaml`` names (relative to the file) is read first and overridden key by key; a list is
    replaced. ``overrides`` are ``dotted.key=value`` items with a YAML value, applied last.

    Raises:
        ConfigError: the message names file, key, expected value and found value.
    """
    return parse_config(kind, apply_overrides(_read(Path(path), 0), overrides), source=str(path))


def apply_overrides(document: dict[str, Any], overrides: tuple[str, ...] | list[str]) -> dict[str, Any]:
    """Apply ``dotted.key=value`` items, each with a YAML value, to a plain document.

    Raises:
        ConfigError: an item has no key or no value, or its value is not YAML.
    """
    for item in overrides:
        document = _overlay(document, _override(item))
    return document


def set_keys(document: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plain document with other values of some dotted keys."""
    for key, value in values.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        document = _overlay(document, value)
    return document


def parse_config(kind: type[T], document: dict[str, Any], source: str = "config") -> T:
    """Check a plain document against a dataclass and build it; ``source`` names it in errors."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(_key(kind, first["loc"])) or "(top level)"
        if first["type"] == "value_error":  # said by a dataclass itself, about one of its keys
            parent = f"{key}." if first["loc"] else ""
            raise ConfigError(f"{source}: {parent}{first.get('ctx', {}).get('error')}") from None
        if first["type"] == "unexpected_keyword_argument":
            raise ConfigError(f"{source}: unknown key '{key}'{_known(kind, first['loc'])}") from None
        if first["type"] in ("missing", "missing_argument"):
            raise ConfigError(f"{source}: key '{key}' is missing") from None
        expected = first["msg"].removeprefix("Input should be ").splitlines()[0]
        raise ConfigError(f"{source}: key '{key}': expected {expected}, got {short(first['input'])}") from None


def to_dict(config: Any) -> dict[str, Any]:
    """Convert a config to a plain document (dicts, lists, scalars); ``parse_config`` reads it."""
    return _plain(dataclasses.asdict(config))


def to_yaml(config: Any) -> str:
    """Convert a config to YAML text; ``load_config`` reads it."""
    return yaml.dump(to_dict(config), Dumper=_Dumper, sort_keys=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@cache
def _adapter(kind: type) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    for part in _dataclasses_in(kind):
        part.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # type: ignore[attr-defined]
    return TypeAdapter(kind)


def _dataclasses_in(kind: Any) -> list[Any]:
    import typing

    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return [kind, *(found for hint in hints.values() for found in _dataclasses_in(hint))]
    return [found for argument in typing.get_args(kind) for found in _dataclasses_in(argument)]


def _key(kind: Any, location: tuple[Any, ...]) -> list[str]:
    """Return the keys of an error's location, without the branch of a union such as ``int | Literal["auto"]``."""
    import typing

    found = []
    for step in location:
        if dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind).get(step)
        elif typing.get_origin(kind) in (dict, tuple):
            kind = typing.get_args(kind)[-1 if isinstance(step, str) else 0]
        else:
            break
        found.append(str(step))
    return found


def _known(kind: Any, location: tuple[Any, ...]) -> str:
    import typing

    for step in location[:-1]:
        if isinstance(step, int):
            kind = typing.get_args(kind)[0]
        elif dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind).get(step)
    if not dataclasses.is_dataclass(kind):
        return ""
    import difflib

    names = [field.name for field in dataclasses.fields(kind)]
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; expected one of {', '.join(names)}"


class _Loader(_Safe):  # pyright: ignore[reportGeneralTypeIssues] - one of two classes
    """A YAML 1.1 loader that refuses duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen: set[Any] = set()
        for key in keys:
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' stands twice", node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: Any) -> int:
        """Refuse integers of more than 64 bits, which no count, size or seed needs and Python would compute slowly."""
        value = super().construct_yaml_int(node)
        if abs(value) >= 2**63:
            raise yaml.constructor.ConstructorError(None, None, "a number of more than 64 bits", node.start_mark)
        return value

    def construct_yaml_str(self, node: Any) -> str:
        """Refuse NUL characters, which no name or path contains."""
        value = super().construct_yaml_str(node)
        if "\0" in value:
            raise yaml.constructor.ConstructorError(None, None, "a NUL in a text", node.start_mark)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)


def _read(path: Path, depth: int) -> dict[str, Any]:
    if depth > MAX_BASES:
        raise ConfigError(f"{path}: expected at most {MAX_BASES} nested 'base' files, got a longer chain or a circle")
    try:
        text = read_text(path, "YAML", MAX_BYTES)
    except LtBenchError as error:
        raise ConfigError(str(error)) from None
    document = _parse(text, str(path))
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, got {short(document)}")
    base = document.pop("base", None)
    if base is None:
        return document
    if not isinstance(base, str):
        raise ConfigError(f"{path}: key 'base': expected a path, got {short(base)}")
    return _overlay(_read(path.parent / base, depth + 1), document)


def _parse(text: str, source: str) -> Any:
    try:
        for event in yaml.parse(text, Loader=_Safe):
            if isinstance(event, yaml.events.AliasEvent):  # they can blow up
                raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", event.start_mark)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{source}:{where} expected YAML, got {getattr(error, 'problem', None) or type(error).__name__}"
        ) from None


def _override(item: str) -> dict[str, Any]:
    key, equals, value = item.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(f"override: expected dotted.key=value, got '{item}'")
    document: Any = _parse(value, f"override '{item}'")
    for part in reversed(_parts(key)):
        document = {part: document}
    return document


def _parts(key: str) -> list[str]:
    """Split a dotted key into its keys; the names of keys within ``grid`` and ``space`` are dotted."""
    first, *rest = key.split(".")
    after = DOTTED.get(first)
    if after is None or len(rest) <= after + 1:
        return [first, *rest]
    inner = len(rest) - after
    return [first, ".".join(rest[:inner]), *rest[inner:]]


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _overlay(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
