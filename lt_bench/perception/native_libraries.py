"""Protection from native libraries: their messages on stderr, and the signal handlers that they set.

The libraries print before their log level can be set, and set handlers without informing Python.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOISE = re.compile(
    rb"WARNING: (All log messages|Logging) before|INFO: Created TensorFlow Lite|[IW]\d{4} \d\d:\d\d|[IW]\d{4} 00:00:\d+"
)
"""Prefixes of harmless messages from MediaPipe, absl and TensorFlow Lite: information and warnings."""


@contextmanager
def without_native_noise() -> Iterator[None]:
    """Hold back the process's output to file descriptor 2 during the block, then forward all but known noise.

    The libraries print before their log level can be set, so only the descriptor itself can be redirected.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(kept, 2)
                held.seek(0)
                for line in held:
                    if not NOISE.match(line):
                        os.write(2, line)
    finally:
        os.close(kept)


def keep_profiling_signal_ignored() -> None:
    """Tell Python that SIGPROF is ignored, which MediaPipe set without informing Python.

    MediaPipe runs a profiling timer and ignores its signal. Python still assumes the default action, which ends the
    process. Code that saves and later restores all handlers, such as Lightning's trainer, would restore it, and the
    next tick would kill the process. A profiler's own handler is not changed. Only the main thread can set handlers.
    """
    on_main = threading.current_thread() is threading.main_thread()
    if on_main and hasattr(signal, "SIGPROF") and signal.getsignal(signal.SIGPROF) is signal.SIG_DFL:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
