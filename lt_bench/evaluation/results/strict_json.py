"""JSON documents checked against dataclasses: unknown, missing and ill-typed keys are one-line errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from lt_bench.errors import ResultError, short

T = TypeVar("T")
_STRICT: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False, "strict": True}


def strict(kind: type[T]) -> type[T]:
    """Let a dataclass take no unknown key, no NaN, and no value of another type, wherever it is part of a document."""
    kind.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]
    return kind


def parse_strict(kind: type[T], body: Mapping[str, Any], source: str) -> T:
    """Build a dataclass of a document; ``source`` names it in errors.

    Raises:
        ResultError: an unknown, missing or ill-typed key, or contents in contradiction.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(_dumps(body, source))
    except ValidationError as error:
        raise ResultError(f"{source}: {_first_problem(error)}") from None


def _first_problem(error: Any) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "unexpected_keyword_argument":
        return f"unknown key '{key}'"
    if first["type"] in ("missing", "missing_argument"):
        return f"key '{key}' is missing"
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    return f"key '{key}': expected {first['msg'].removeprefix('Input should be ')}, got {short(first['input'])}"


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _dumps(body: Mapping[str, Any], source: str) -> bytes:
    try:
        # Half a surrogate pair is JSON, but no text that can be written anywhere.
        return json.dumps(dict(body), allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
    except ValueError:
        raise ResultError(f"{source}: expected finite numbers, got NaN or infinity") from None
