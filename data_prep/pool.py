"""A local pool of preparing processes that dies with its parent."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

import cv2
import torch

from data_prep.clip import ClipPreparer, Prepared, Rejected, Settings
from data_prep.jobs import Job
from lt_bench.errors import LtBenchError

_preparer: ClipPreparer | None = None


def prepare_all(jobs: Sequence[Job], settings: Settings, workers: int) -> Iterator[Prepared | Rejected]:
    """Prepare the jobs in ``workers`` processes; results come in the order in which they end.

    With one worker everything happens in this process. Every worker computes with one thread, so results do not
    depend on their number.

    Raises:
        LtBenchError: a clip failed in a way that concerns all, or a worker died.
    """
    workers = min(workers, len(jobs))
    yield from _here(jobs, settings) if workers <= 1 else _spread(jobs, settings, workers)


def _here(jobs: Sequence[Job], settings: Settings) -> Iterator[Prepared | Rejected]:
    preparer = ClipPreparer(settings)
    try:
        for job in jobs:
            with _one_thread():
                result = preparer.prepare(job)
            yield result
    finally:
        preparer.close()


def _spread(jobs: Sequence[Job], settings: Settings, workers: int) -> Iterator[Prepared | Rejected]:
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=(settings,))
    try:
        waiting = [pool.submit(_prepare, job) for job in jobs]
        for done in as_completed(waiting):
            yield done.result()
    except BrokenProcessPool:
        raise LtBenchError(
            "a preparing process died (out of memory?); try fewer --workers, the same command goes on where it stopped"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(settings: Settings) -> None:
    global _preparer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the pool in order
    threading.Thread(target=_follow_parent, daemon=True).start()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _preparer = ClipPreparer(settings)


def _prepare(job: Job) -> Prepared | Rejected:
    assert _preparer is not None
    return _preparer.prepare(job)


def _follow_parent() -> None:
    """End this process when its parent is gone; without it, a killed parent leaves its workers waiting for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)
