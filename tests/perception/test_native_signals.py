"""A process that has found faces survives whoever restores the signal handlers that it saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import signal
from lt_bench.perception.faces import FaceLandmarker
with FaceLandmarker():
    pass
saved = {s: signal.getsignal(s) for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)}
for number, handler in saved.items():  # what Lightning's trainer does around a training run
    if handler is not None:
        signal.signal(number, handler)
signal.raise_signal(signal.SIGPROF)
print("alive")
"""


def test_the_profiling_signal_stays_ignored_when_handlers_are_restored(mirror: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
