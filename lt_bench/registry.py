"""One lookup table for every kind of interchangeable class: fusions, metrics, codecs, samplers and so on.

A registry lists the package's own classes as text, so that names can be listed and checked without importing anything;
a class is imported when it is first asked for. A plugin adds its own under a class attribute ``name``::

    @CODECS.register
    class MyCodec(Codec):
        name = "mine"
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from lt_bench.errors import ConfigError

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


class Registry(Generic[T]):
    """The classes of one kind by name.

    Args:
        kind: the noun that messages use, such as ``codec``.
        base: the class that every entry extends.
        own: the package's own entries, from name to ``module:class``.

    Example:
        >>> colors = Registry("color", str, {"red": "my_package.red:Red"})
        >>> colors.names()
        ('red',)
        >>> colors.check("blue")
        Traceback (most recent call last):
        lt_bench.errors.ConfigError: color: expected one of red, got 'blue'
    """

    def __init__(self, kind: str, base: type[T], own: Mapping[str, str]) -> None:
        self.kind = kind
        self.base = base
        self.own = dict(own)
        self._added: dict[str, type[T]] = {}

    def names(self) -> tuple[str, ...]:
        """List all names in alphabetical order; imports nothing."""
        return tuple(sorted({*self.own, *self._added}))

    def __contains__(self, name: str) -> bool:
        return name in self.own or name in self._added

    def check(self, name: str, key: str = "") -> None:
        """Check that a name is known; imports nothing.

        Args:
            name: as a user wrote it.
            key: configuration key or argument that holds it, for the message; the registry's kind by default.

        Raises:
            ConfigError: no entry has the name; the message lists the known ones.
        """
        if name not in self:
            raise ConfigError(f"{key or self.kind}: expected one of {', '.join(self.names())}, got '{name}'")

    def get(self, name: str, key: str = "") -> type[T]:
        """Return the class of a name, imported now if it was not before.

        Args:
            name: as a user wrote it.
            key: configuration key or argument that holds it, for the message; the registry's kind by default.

        Raises:
            ConfigError: no entry has the name; the message lists the known ones.
        """
        self.check(name, key)
        if name in self._added:
            return self._added[name]
        module, _, attribute = self.own[name].partition(":")
        return getattr(import_module(module), attribute)

    def register(self, entry: C) -> C:
        """Add a class under its attribute ``name``; a class decorator for plugins.

        The same definition again, as of a notebook cell that is run twice, replaces the earlier one.

        Raises:
            ConfigError: the class does not extend the registry's base, has no name, or its name is taken.
        """
        where = f"{self.kind} {getattr(entry, '__qualname__', entry)}"
        if not _extends(entry, self.base):
            raise ConfigError(f"{where}: expected a subclass of {self.base.__name__}, got another object")
        name = getattr(entry, "name", None)
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{where}: expected a class attribute 'name' with a text, got {name!r}")
        taken = self.own.get(name) or (_identity(self._added[name]) if name in self._added else None)
        if taken is not None and taken != _identity(entry):
            raise ConfigError(f"{where}: expected a name that is not taken, got '{name}', which is {taken}")
        self._added[name] = cast("type[T]", entry)
        return entry


def _extends(entry: Any, base: type) -> bool:
    return isinstance(entry, type) and issubclass(entry, base)


def _identity(entry: type[Any]) -> str:
    return f"{entry.__module__}:{entry.__qualname__}"
