"""Progress of a set of jobs, for displays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lt_bench.jobs.job_status import Status
from lt_bench.jobs.remaining_time import Estimate


class Named(Protocol):
    """A job, as far as displays need it."""

    @property
    def name(self) -> str:
        """Name of the job in displays."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """Progress of jobs."""

    jobs: Sequence[Named]
    statuses: tuple[Status, ...]
    running: tuple[bool, ...]
    """Whether each job has a worker of this command now."""
    left: Estimate
    note: str = ""
    """Additional text, such as the best value so far."""
