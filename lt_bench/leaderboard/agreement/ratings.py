"""Human ratings of videos: opinions of single videos, or preferences between two systems on one clip, from a CSV file.

Opinions have the columns ``system,clip,rating`` and perhaps ``rater``; a higher rating is better. Preferences have
``clip,system_a,system_b,preferred`` and perhaps ``rater`` and ``check``; ``preferred`` is the name of one of the two
systems, or ``tie``. A row whose ``check`` is not empty is an attention check: its system is ``reference`` or
``damaged``, and a rater who prefers ``damaged`` is left out.
"""

from __future__ import annotations

import csv
import math
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from lt_bench.errors import ConfigError

OPINION_COLUMNS = ("system", "clip", "rating")
PREFERENCE_COLUMNS = ("clip", "system_a", "system_b", "preferred")
OPTIONAL_COLUMNS = ("rater", "check", "seconds")
TIE = "tie"
REFERENCE, DAMAGED = "reference", "damaged"
"""Names of the two videos of an attention check."""


@dataclass(frozen=True)
class Preference:
    """One answer to "which of these two videos is better"."""

    clip: str
    system_a: str
    system_b: str
    preferred: float
    """1: the first system, 0: the second, 0.5: a tie."""
    rater: str


@dataclass(frozen=True)
class Ratings:
    """All answers that count, and the raters that were left out."""

    opinions: dict[tuple[str, str], float]
    """Mean rating by system and clip."""
    preferences: tuple[Preference, ...]
    raters: int
    left_out: dict[str, str]
    """Raters that are not counted, with the reason."""


def read_ratings(path: str | os.PathLike[str]) -> Ratings:
    """Read a CSV file of opinions or preferences.

    Raises:
        ConfigError: the file cannot be read, has other columns, or a row with an unusable value; names the line.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: expected a readable CSV file, got: {error}") from None
    for wanted in (OPINION_COLUMNS, PREFERENCE_COLUMNS):
        if set(wanted) <= set(columns) <= {*wanted, *OPTIONAL_COLUMNS}:
            break
    else:
        expected = " or ".join(",".join(wanted) for wanted in (OPINION_COLUMNS, PREFERENCE_COLUMNS))
        raise ConfigError(f"{path}: expected the columns {expected} (and {', '.join(OPTIONAL_COLUMNS)}), got {columns}")
    if not rows:
        raise ConfigError(f"{path}: expected at least one row, got none")
    return _opinions(rows, str(path)) if wanted == OPINION_COLUMNS else _preferences(rows, str(path))


def _opinions(rows: list[dict[str, str]], source: str) -> Ratings:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        try:
            value = float(row["rating"])
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(f"{source}: line {line}: rating: expected a number, got {row['rating']!r}")
        found[row["system"], row["clip"]].append(value)
    raters = {row.get("rater") or "" for row in rows}
    return Ratings({key: sum(v) / len(v) for key, v in found.items()}, (), len(raters), {})


def _preferences(rows: list[dict[str, str]], source: str) -> Ratings:
    answers: list[Preference] = []
    failed: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        a, b, preferred, rater = row["system_a"], row["system_b"], row["preferred"], row.get("rater") or ""
        if a == b or preferred not in (a, b, TIE):
            raise ConfigError(f"{source}: line {line}: preferred: expected {a}, {b} or {TIE}, got {preferred!r}")
        if row.get("check"):
            if preferred != REFERENCE:
                failed[rater] = f"line {line}: an attention check was answered with {preferred!r}"
            continue
        answers.append(Preference(row["clip"], a, b, 0.5 if preferred == TIE else float(preferred == a), rater))
    counted = tuple(answer for answer in answers if answer.rater not in failed)
    return Ratings({}, counted, len({answer.rater for answer in counted}), failed)
