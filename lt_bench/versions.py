"""Versions of file formats: ``version`` is the major number, ``minor`` (0 where absent) grows when keys are added.

What has the same major number and no larger minor one is read; keys that came later have defaults. All else is refused
in one line that names the file, what was expected and what was got.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lt_bench.errors import LtBenchError

KEYS = ("format", "version", "minor")
"""Of a document, which are about its form, not its content."""


def check_version(
    document: Mapping[str, Any],
    source: str,
    version: int,
    minor: int = 0,
    error: type[LtBenchError] = LtBenchError,
) -> None:
    """Refuse a document that a newer program wrote, or one of an older major version.

    Args:
        document: with the keys ``version`` and perhaps ``minor``.
        source: the file.
        version: major version that is read.
        minor: newest minor version that is read.
        error: what is raised.
    """
    found, found_minor = document.get("version"), document.get("minor", 0)
    if type(found) is not int or type(found_minor) is not int or found_minor < 0:
        got = repr(found) if "minor" not in document else f"{found!r}.{found_minor!r}"
        raise error(f"{source}: expected version {_text(version, minor)}, got {got[:80]}")
    if found != version or found_minor > minor:
        newer = "; a newer lt_bench wrote it" if (found, found_minor) > (version, minor) else ""
        raise error(f"{source}: expected version {_text(version, minor)}, got {_text(found, found_minor)}{newer}")


def body_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The content, without the keys that are about its form."""
    return {key: value for key, value in document.items() if key not in KEYS}


def _text(version: int, minor: int) -> str:
    return f"{version}.{minor}" if minor else str(version)
