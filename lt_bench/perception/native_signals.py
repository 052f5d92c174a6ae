"""Keep a native library's choice of signal handling alive when others save and restore handlers."""

from __future__ import annotations

import signal
import threading


def keep_profiling_signal_ignored() -> None:
    """Tell Python that SIGPROF is ignored, as MediaPipe made it behind Python's back.

    MediaPipe runs a profiling timer and ignores its signal. Python still believes in the default, which ends the
    process; so whoever saves and later restores all handlers, as Lightning's trainer does, would bring that back and
    the next tick would kill the process. A profiler's own handler is left alone. Only the main thread may set handlers.
    """
    on_main = threading.current_thread() is threading.main_thread()
    if on_main and hasattr(signal, "SIGPROF") and signal.getsignal(signal.SIGPROF) is signal.SIG_DFL:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
