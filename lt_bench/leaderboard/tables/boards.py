"""Tables of systems that compare: one protocol, one real set, the same clips; what does not compare stands apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import Result, Score
from lt_bench.leaderboard.tables.collect import Entry
from lt_bench.leaderboard.tables.ranking import contenders, headline, ordered
from lt_bench.leaderboard.tables.rows import Row, build_row
from lt_bench.leaderboard.tables.significance import Verdict, judge


@dataclass(frozen=True)
class Board:
    """One table."""

    rows: tuple[Row, ...]
    """Best first by the headline score, then those it cannot rank; systems without a result last."""
    reference: Result | None
    """A result of this table, whose protocol and real set are those of all; None where no system has a result."""
    difference: str
    """Why this table stands apart from the first; empty for the first."""
    headline: str | None
    """Name of the score that orders the rows."""
    verdicts: dict[str, dict[str, Verdict]]
    """By score name, then by system."""

    @property
    def score_names(self) -> tuple[str, ...]:
        """Every score of the table, in the protocol's order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.scores))

    def score(self, name: str) -> Score:
        """A score of the table, with the reference of real videos, as the systems that it ranks have it."""
        ranked = contenders(self.rows, name)
        return next(row.scores[name].score for row in (*ranked, *self.rows) if name in row.scores)

    def note(self, row: Row, name: str) -> str:
        """Why a score of a row stands apart from those that are ranked; empty for those and without a value."""
        verdict = self.verdicts[name][row.system]
        return verdict.note if verdict.mark == "unranked" else ""


def build_boards(entries: Sequence[Entry]) -> tuple[Board, ...]:
    """Group entries into tables. Runs without a result go to the first table.

    Raises:
        ResultError: two results of the same system and seed under the same protocol.
    """
    groups: list[list[Entry]] = []
    differences: list[str] = []
    for entry in sorted((e for e in entries if e.result is not None), key=_order):
        place, difference = _place(entry, groups)
        if place is None:
            groups.append([entry])
            differences.append(difference)
        else:
            place.append(entry)
    without = [entry for entry in entries if entry.result is None]
    if without and not groups:
        groups, differences = [[]], [""]
    for entry in without:
        _home(entry, groups).append(entry)
    return tuple(_board(group, difference) for group, difference in zip(groups, differences, strict=True))


def _order(entry: Entry) -> tuple[int, str, int]:
    # The fullest results come first, so that the first table is the one where nothing was missed.
    assert entry.result is not None
    return (-entry.result.scored, entry.system, -1 if entry.seed is None else entry.seed)


def _place(entry: Entry, groups: list[list[Entry]]) -> tuple[list[Entry] | None, str]:
    difference = ""
    for group in groups:
        try:
            entry.result.comparable_with(group[0].result)  # type: ignore[union-attr,arg-type]
        except ResultError as error:
            difference = difference or str(error)
        else:
            return group, ""
    return None, difference


def _home(entry: Entry, groups: list[list[Entry]]) -> list[Entry]:
    return next((group for group in groups if any(e.system == entry.system for e in group)), groups[0])


def _board(entries: Sequence[Entry], difference: str) -> Board:
    systems: dict[str, list[Entry]] = {}
    for entry in entries:
        systems.setdefault(entry.system, []).append(entry)
    for same in systems.values():
        _refuse_twins(same)
    rows = [build_row(same) for same in systems.values()]
    main = headline(rows)
    placed = ordered(rows, main)
    reference = next((result for row in placed for result in row.results), None)
    return Board(placed, reference, difference, main, judge(placed))


def _refuse_twins(entries: Sequence[Entry]) -> None:
    seen: dict[int | None, Entry] = {}
    for entry in entries:
        if entry.seed in seen:
            raise ResultError(
                f"{entry.source}: expected one result of system '{entry.system}' and seed {entry.seed}, got another in "
                f"{seen[entry.seed].source}; give one of them another name with evaluate --system"
            )
        seen[entry.seed] = entry
