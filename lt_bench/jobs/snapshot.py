"""Where a set of jobs stands, for whoever shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lt_bench.jobs.job_status import Status
from lt_bench.jobs.remaining_time import Estimate


class Named(Protocol):
    """A job, as far as it is shown."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """Where jobs stand."""

    jobs: Sequence[Named]
    statuses: tuple[Status, ...]
    running: tuple[bool, ...]
    """Which have a worker of this command now."""
    left: Estimate
    note: str = ""
    """A few words more, such as the best value so far."""
