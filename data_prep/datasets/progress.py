"""Progress of downloads in megabytes."""

from __future__ import annotations

from data_prep.datasets.base import Progress
from data_prep.datasets.http_downloads import Advance

MEGABYTE = 1_000_000


def byte_progress(progress: Progress | None, total: int, left: int) -> Advance:
    """Turn arriving bytes into calls of ``progress`` with megabytes.

    Args:
        progress: called with the megabytes here and in all; None for no report.
        total: bytes in all.
        left: bytes that are still to arrive.
    """
    here = total - left

    def advance(count: int) -> None:
        nonlocal here
        here += count
        if progress is not None:
            progress(here // MEGABYTE, -(-total // MEGABYTE))

    advance(0)
    return advance
