"""One thread a worker: results then do not depend on the number of workers, and busy machines are up to 10x faster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def start_with_one_thread() -> None:
    """Make libraries that this process imports from now on compute with one thread."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, OpenCV and the BLAS libraries, those that are imported, compute with one thread within the block."""
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = torch and torch.get_num_threads(), cv2 and cv2.getNumThreads()
    with threadpool_limits(1):  # a thread of OpenBLAS spins for long after a product of two small matrices
        _set(torch, cv2, 1, 1)
        try:
            yield
        finally:
            _set(torch, cv2, *before)


def _set(torch: object, cv2: object, torch_threads: object, cv2_threads: object) -> None:
    if torch is not None:
        torch.set_num_threads(torch_threads)  # type: ignore[attr-defined]
    if cv2 is not None:
        cv2.setNumThreads(cv2_threads)  # type: ignore[attr-defined]
