"""What becomes of a job: clips that are whole on disk, and clips that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data_prep.rules import RejectionError
from lt_bench.data.format import ClipRecord


@dataclass(frozen=True)
class Prepared:
    """A clip that is whole on disk."""

    record: ClipRecord
    extra: dict[str, Any]
    """``job`` and ``parts`` as in ``Rejected``; the real set's entry under ``real`` where the split is exported; of
    filmed clips the ``fingerprint``."""


@dataclass(frozen=True)
class Rejected:
    """A clip that cannot be used."""

    id: str
    source: str
    reason: str
    """One line: expected and got."""
    rule: str = "unreadable"
    """A key of ``stages.REJECTION_RULES``."""
    value: float | None = None
    """What the rule measured."""
    limit: float | None = None
    """Its threshold."""
    job: str = ""
    """The job that the clip is of; empty for clips that never became one."""
    parts: int = 1
    """Clips of that job, rejected ones included."""

    @classmethod
    def by(cls, error: RejectionError, clip_id: str, source: str) -> Rejected:
        """The rejection that an error tells of."""
        value = None if error.value is None else round(error.value, 4)
        return cls(clip_id, source, " ".join(str(error).split()), error.rule.name, value, error.limit)


@dataclass(frozen=True)
class Done:
    """A job that is finished."""

    job: str
    """The job's id."""
    prepared: tuple[Prepared, ...]
    rejected: tuple[Rejected, ...]

    @classmethod
    def of(cls, job: str, clips: Sequence[Prepared | Rejected]) -> Done:
        """A finished job; each of its clips records its job and the job's number of clips."""
        mark = {"job": job, "parts": len(clips)}
        return cls(
            job,
            tuple(replace(clip, extra={**clip.extra, **mark}) for clip in clips if isinstance(clip, Prepared)),
            tuple(replace(clip, **mark) for clip in clips if isinstance(clip, Rejected)),
        )


def finished_jobs(extras: Iterable[Mapping[str, Any]]) -> set[str]:
    """The jobs of which every clip is there.

    Args:
        extras: ``job`` and ``parts`` of clips that are whole or rejected.
    """
    counts: Counter[str] = Counter()
    parts: dict[str, int] = {}
    for extra in extras:
        counts[extra["job"]] += 1
        parts[extra["job"]] = extra["parts"]
    return {job for job, count in counts.items() if count >= parts[job]}
