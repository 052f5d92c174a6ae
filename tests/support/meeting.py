"""Jobs of worker processes that wait for each other, so that each is done by another process."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lt_bench.devices import GPU_VARIABLE


def seen_device(job: tuple[Path, int, int]) -> tuple[str | None, int]:
    """What a process sees as its GPU, and the process, once as many jobs as there are run side by side."""
    folder, number, together = job
    (folder / str(number)).touch()
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < together:
        assert time.monotonic() < end, "the jobs never met"
        time.sleep(0.01)
    return os.environ.get(GPU_VARIABLE), os.getpid()


def nothing() -> None:
    """Set nothing up."""
