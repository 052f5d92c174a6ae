"""Processes that a command starts to share its work: Ctrl-C is the command's alone, and its end is theirs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes started in the block never hear SIGINT; this one hears it when the block ends.

    A terminal sends it to all processes at once, also to those that are importing still and cannot ignore it yet. The
    command stops them in order.
    """
    resource_tracker.ensure_running()  # else a start in the block starts it too, which unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """From now on this process, started by ``multiprocessing``, ends when its parent does, however that ends."""
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, name="parent", daemon=True).start()
