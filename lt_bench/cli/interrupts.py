"""How a command that is told to stop ends: what it holds is let go, and its last words are what to type to go on."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

GO_ON = ("prepare", "train", "ablate", "search", "evaluate", "sensitivity")
"""Verbs that keep what they have done when they are stopped."""


@contextmanager
def sigterm_interrupts() -> Iterator[list[int]]:
    """SIGTERM raises KeyboardInterrupt in the block, as Ctrl-C does; the list gets its number.

    Libraries turn an interrupt into exceptions of their own, so that it came is noted beside it.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may listen
        return
    command = os.getpid()

    def interrupt(number: int, frame: object) -> None:
        if os.getpid() != command:  # a forked child, which holds nothing
            os._exit(128 + number)
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def typed(arguments: Sequence[str]) -> str:
    """The command, verb and all, as a shell takes it."""
    return shlex.join(["lt-bench", *arguments])


def farewell(verb: str, arguments: Sequence[str]) -> str:
    """What a command that was interrupted says: two lines, of which the second can be typed."""
    then = "goes on where it stopped" if verb in GO_ON else "does it from the start"
    return f"lt-bench {verb}: interrupted; the same command {then}:\n{typed(arguments)}"
