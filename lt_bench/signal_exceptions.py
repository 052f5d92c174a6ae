"""Signals that raise an exception, again if a library lost it."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

MOMENT = 0.01
"""Seconds until a signal that was lost is sent again."""
UNTOUCHED = (signal.SIG_IGN, None)
"""Handlers that are left in place: to ignore the signal, and those that Python did not install."""


@contextmanager
def signals_raise(numbers: Iterable[int], error: type[BaseException]) -> Iterator[list[int]]:
    """Let each of the signals raise an error in the block; the list gets the numbers of those that came.

    Where Python cannot raise (in a finaliser, in a callback from C), an exception is dropped, and so it is in frames
    that Cython makes for tracebacks: PyAV makes some for every packet. The signal is sent again then.

    Args:
        numbers: of the signals; those that this process was started to ignore stay ignored.
        error: to be raised, without arguments; no other code should raise it.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may listen
        return
    process = os.getpid()

    def hear(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process and number != signal.SIGINT:  # a forked child, which holds nothing
            os._exit(128 + number)
        if frame is not None and _is_cythons(frame):
            _send_again(number)
            return
        received.append(number)
        raise error

    def hear_again(dropped: sys.UnraisableHookArgs) -> None:
        if received and issubclass(dropped.exc_type, error):
            _send_again(received.pop())
        else:
            others(dropped)

    before = {n: signal.signal(n, hear) for n in numbers if signal.getsignal(n) not in UNTOUCHED}
    others, sys.unraisablehook = sys.unraisablehook, hear_again
    try:
        yield received
    finally:
        sys.unraisablehook = others
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_cythons(frame: FrameType) -> bool:
    """Whether Cython evaluates ``_getframe()`` for a traceback (modules of the limited API), and drops its errors."""
    return frame.f_code.co_names == ("_getframe",)


def _send_again(number: int) -> None:
    """Send a signal to the main thread in a moment, without any lock: this may run in the middle of anything."""
    main = threading.main_thread().ident
    assert main is not None
    _thread.start_new_thread(_send, (main, number))


def _send(thread: int, number: int) -> None:
    time.sleep(MOMENT)
    signal.pthread_kill(thread, number)
