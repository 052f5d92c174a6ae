"""Scores as papers printed them: shown apart, never ranked with measured ones, and how far they drift between papers.

``data/published.csv`` is transcribed from secondary copies of the papers' tables, with what those say of the protocol.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from lt_bench.errors import ResultError

SCORES = {
    "fid": "FID ↓",
    "fvd": "FVD ↓",
    "sync_c": "Sync-C ↑",
    "sync_d": "Sync-D ↓",
    "e_fid": "E-FID ↓",
    "id_sim": "ID ↑",
}
CAVEAT = (
    "As published, transcribed from secondary copies of the papers' tables; nothing here was measured by this tool. "
    "Rows of different papers do not compare: protocols differ, and the same method moves by the factors below."
)


@dataclass(frozen=True)
class PublishedRow:
    """One method in one paper's table."""

    dataset: str
    paper: str
    """Whose table it is."""
    method: str
    values: dict[str, float]
    """By score, those that the table has."""
    note: str
    """What the copy says of the protocol; often nothing."""


@dataclass(frozen=True)
class Drift:
    """One method's score over the papers that print it."""

    dataset: str
    method: str
    score: str
    low: float
    high: float
    papers: int

    @property
    def factor(self) -> float:
        """Largest over smallest."""
        return self.high / self.low


def load_published() -> tuple[PublishedRow, ...]:
    """Every row of the package's file, in its order.

    Raises:
        ResultError: a value in it is no number.
    """
    text = resources.files("lt_bench.leaderboard.page").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(_row(line) for line in csv.DictReader(text.splitlines()))


def drifts(rows: Sequence[PublishedRow], least: int = 2) -> tuple[Drift, ...]:
    """How far a method's score moves on one data set between at least ``least`` papers; the widest first.

    Rows of real videos and values of 0 have no factor and are left out.
    """
    found: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        for score, value in row.values.items():
            if value > 0 and row.method != "Real":
                found.setdefault((row.dataset, row.method, score), []).append(value)
    moved = [
        Drift(*key, min(values), max(values), len(values)) for key, values in found.items() if len(values) >= least
    ]
    return tuple(sorted(moved, key=lambda drift: -drift.factor))


def _row(line: dict[str, str]) -> PublishedRow:
    try:
        values = {score: float(line[score]) for score in SCORES if line[score]}
    except ValueError as error:
        raise ResultError(
            f"published.csv: {line['table_of']}, {line['method']}: expected numbers, got {error}"
        ) from None
    return PublishedRow(line["dataset"], line["table_of"], line["method"], values, line["protocol_note"])
