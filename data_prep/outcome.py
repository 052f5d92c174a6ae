"""What becomes of a job: clips that are whole on disk, and clips that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_prep.rules import RejectionError
from lt_bench.data.format import ClipRecord


@dataclass(frozen=True)
class Prepared:
    """A clip that is whole on disk."""

    record: ClipRecord
    extra: dict[str, Any]
    """The real set's entry under ``real`` where the split is exported; a filmed clip's ``fingerprint``."""


@dataclass(frozen=True)
class Rejected:
    """A clip that cannot be used."""

    id: str
    source: str
    reason: str
    """One line: expected and got."""
    rule: str = "unreadable"
    """A key of ``rules.REJECTION_RULES``."""
    value: float | None = None
    """What the rule measured."""
    limit: float | None = None
    """Its threshold."""

    @classmethod
    def by(cls, error: RejectionError, clip_id: str, source: str) -> Rejected:
        """The rejection that an error tells of."""
        value = None if error.value is None else round(error.value, 4)
        return cls(clip_id, source, " ".join(str(error).split()), error.rule.name, value, error.limit)


@dataclass(frozen=True)
class Done:
    """A job that is finished; it is entered in the journal as one."""

    job: str
    """The job's id."""
    prepared: tuple[Prepared, ...]
    rejected: tuple[Rejected, ...]
